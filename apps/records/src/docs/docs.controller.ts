// The description of all services' routes, shown by Swagger UI from this machine's own files: no third-party origin.
import { Controller, Get, Inject, Param, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { Public } from '@careseal/authz'
import { asyncApi } from '@careseal/contracts'
import { callService } from '@careseal/messaging'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyReply } from 'fastify'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { RECORDS_CONFIG, type RecordsConfig } from '../config.js'
import { cataloguePage } from './catalogue-page.js'
import { DOCS_PAGE, DOCS_SCRIPT, INDEX_PAGE } from './pages.js'

const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui-standalone-preset.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Public: it describes routes and shows no data. */
@ApiExcludeController()
@Controller()
@Public()
export class DocsController {
  constructor(@Inject(RECORDS_CONFIG) private readonly config: RecordsConfig) {}

  @Get()
  index(@Res() reply: FastifyReply): void {
    page(reply, 'text/html; charset=utf-8', INDEX_PAGE)
  }

  @Get('docs')
  docs(@Res() reply: FastifyReply): void {
    page(reply, 'text/html; charset=utf-8', DOCS_PAGE)
  }

  @Get('docs/start.js')
  script(@Res() reply: FastifyReply): void {
    page(reply, 'text/javascript; charset=utf-8', DOCS_SCRIPT)
  }

  @Get('docs/events')
  events(@Res() reply: FastifyReply): void {
    page(reply, 'text/html; charset=utf-8', cataloguePage())
  }

  @Get('docs/events/asyncapi.json')
  asyncApi(@Res() reply: FastifyReply): void {
    page(reply, 'application/json', `${JSON.stringify(asyncApi('1.0.0'), null, 2)}\n`)
  }

  /** Consent has no routes of its own at the public origin, so its description is fetched from where it is. */
  @Get('docs/consent.json')
  async consent(@Res() reply: FastifyReply): Promise<void> {
    const url = new URL('/consent/openapi.json', this.config.CONSENT_URL)
    const response = await callService('consent.openapi', url, { deadlineMs: 2_000 }).catch((cause: unknown) => {
      throw new HttpProblem(503, 'consent-unavailable', 'The consent service does not answer now.', { cause })
    })
    void reply.code(response.status)
    page(reply, 'application/json', Buffer.from(await response.arrayBuffer()))
  }

  @Get('docs/:asset')
  async asset(@Param('asset') asset: string, @Res() reply: FastifyReply): Promise<void> {
    const type = Object.hasOwn(ASSETS, asset) ? ASSETS[asset] : undefined
    if (type === undefined) throw new HttpProblem(404, 'not-found', 'There is no such file.')
    page(reply, type, await readFile(join(swaggerFolder(), asset)))
  }
}

function page(reply: FastifyReply, type: string, content: string | Buffer): void {
  void reply.header('content-security-policy', POLICY).header('content-type', type).send(content)
}

// swagger-ui-dist comes with @nestjs/swagger, which pins the version that fits it.
function swaggerFolder(): string {
  const fromSwagger = createRequire(createRequire(import.meta.url).resolve('@nestjs/swagger'))
  return dirname(fromSwagger.resolve('swagger-ui-dist/package.json'))
}
