import type { INestApplication } from '@nestjs/common'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'

/** OpenAPI of a service, from its controllers and their zod schemas. */
export function openApiOf(app: INestApplication, name: string): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle(`Careseal ${name}`)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
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
