import { HTTP_ANSWERS, type HttpAnswer } from '@careseal/contracts'
import type { INestApplication, InjectionToken, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import { z } from 'zod'

/** OpenAPI of a service, from its controllers and their zod schemas. */
export function openApiOf(app: INestApplication, name: string): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(`Careseal ${name}`)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addGlobalResponse({ status: 429, description: 'too many requests; Retry-After says when to come back' })
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
  return withAnswers(SwaggerModule.createDocument(app, builder.build()))
}

/** Serves the document at `/<prefix>/openapi.json`, without the UI. */
export function serveOpenApi(app: INestApplication, { name, prefix }: { name: string; prefix: string }): void {
  SwaggerModule.setup(`${prefix}/openapi`, app, () => openApiOf(app, name), {
    ui: false,
    raw: ['json'],
    jsonDocumentUrl: `/${prefix}/openapi.json`,
  })
}

/** The same document from controllers alone; `needed` is what they inject, of which nothing is made. */
export async function describeRoutes(
  name: string,
  { controllers, needed }: { controllers: Type[]; needed: InjectionToken[] },
): Promise<OpenAPIObject> {
  const providers = needed.map((provide) => ({ provide, useValue: {} }))
  const module = { module: RoutesAlone, controllers, providers }
  const app = await NestFactory.create(module, new FastifyAdapter(), { logger: false, abortOnError: false })
  try {
    return openApiOf(app, name)
  } finally {
    await app.close()
  }
}

class RoutesAlone {}

// FHIR bodies and what oidc-provider answers have no class here that a decorator could name.
function withAnswers(document: OpenAPIObject): OpenAPIObject {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations as Record<string, Operation>)) {
      const answer = HTTP_ANSWERS[`${method.toUpperCase()} ${path}`]
      const success = Object.keys(operation.responses ?? {}).find((status) => status.startsWith('2'))
      const response = success === undefined ? undefined : operation.responses[success]
      if (answer !== undefined && response !== undefined) response.content ??= contentOf(answer)
    }
  }
  return document
}

type Operation = { responses: Record<string, { content?: object }> }

function contentOf({ contentType, schema }: HttpAnswer): object {
  return { [contentType]: { schema: z.toJSONSchema(schema, { target: 'openapi-3.0' }) } }
}
