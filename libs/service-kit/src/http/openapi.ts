import type { INestApplication, InjectionToken, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'

/** OpenAPI of a service, from its controllers and their zod schemas. */
export function openApiOf(app: INestApplication, name: string): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(`Careseal ${name}`)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addGlobalResponse({ status: 429, description: 'too many requests; Retry-After says when to come back' })
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
  return SwaggerModule.createDocument(app, builder.build())
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
