// The routes that oidc-provider answers. They are Nest routes, so that limits, logs, metrics and the guard see them.
import { Public } from '@careseal/authz'
import { tokenAuthority } from '@careseal/service-kit'
import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Provider } from 'oidc-provider'
import type { IdentityConfig } from '../config.js'
import { IDENTITY_CONFIG } from '../identity-config.js'

export const PROVIDER: unique symbol = Symbol('oidc-provider')

const MOUNT = '/auth'

@Controller('auth')
@ApiTags('tokens')
@Public()
export class ProviderController {
  private callback: ReturnType<Provider['callback']> | undefined

  constructor(
    @Inject(PROVIDER) private readonly provider: Provider,
    @Inject(IDENTITY_CONFIG) private readonly config: IdentityConfig,
  ) {}

  @Post('token')
  token(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.handOver(request, reply)
  }

  @Get(['jwks', '.well-known/openid-configuration', '.well-known/oauth-authorization-server'])
  metadata(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.handOver(request, reply)
  }

  private async handOver(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value as string)
    this.callback ??= this.provider.callback()
    await this.callback(this.asPublic(request.raw), reply.raw)
  }

  // Whatever Host a caller sends, the provider speaks of itself by its public origin: audiences and URLs stay the same
  // from inside and outside, and nobody can make it name another host.
  private asPublic(raw: IncomingMessage): IncomingMessage {
    const { host, protocol } = new URL(tokenAuthority(this.config).issuer)
    delete raw.headers['x-forwarded-for']
    Object.assign(raw.headers, { host, 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) })
    const { url = '/' } = raw
    return Object.assign(raw, { originalUrl: url, url: url.slice(MOUNT.length) })
  }
}

/** Leaves form bodies unread, for oidc-provider reads them from the socket itself (at most 56 KiB). */
export function leaveFormsToProvider(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance()
  fastify.addContentTypeParser('application/x-www-form-urlencoded', (_request, _payload, done) => done(null))
}
