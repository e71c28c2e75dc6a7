// One service as an object: made here for main.ts and for tests alike, so that tests run what users run.
import 'reflect-metadata'
import helmet from '@fastify/helmet'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { collectProcessMetrics, createLogger, serveMetrics, startTracing, type Logger } from '@careseal/observability'
import { Logger as NestLogger } from 'nestjs-pino'
import type { AddressInfo } from 'node:net'
import type { BaseConfig } from './config/base-config.js'
import { DrainService } from './drain.service.js'
import { createAdapter } from './http/adapter.js'
import { acceptForms } from './http/form-body.js'
import { serveOpenApi } from './http/openapi.js'
import { KitModule, type AppModule } from './kit.module.js'

export type ApplicationOptions<C extends BaseConfig = BaseConfig> = {
  /** The service's name, as logs, metrics and traces show it. */
  name: string
  appModule: (config: C) => AppModule
  /** The first segment of the service's routes, for example `fhir`: OpenAPI is served under it. */
  prefix: string
  /** The largest body, 1 MiB by default. */
  bodyLimitBytes?: number
  /** Whether form bodies are parsed (FHIR search by POST). */
  forms?: boolean
  /** Content-Security-Policy directives of answers; none of them may be used as a page by default. */
  contentSecurityPolicy?: Record<string, string[]>
  /** Last changes before the application starts, on routes and parsers. */
  onApp?: (app: NestFastifyApplication, config: C) => void | Promise<void>
}

export type Application = {
  app: NestFastifyApplication
  /** The port that was bound. */
  port: number
  metricsPort: number
  /** Stops at once, without the wait for proxies. Safe to call twice. */
  close(): Promise<void>
}

const MEBIBYTE = 1024 * 1024
const NO_PAGE = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

/** Builds the Nest application without listening; for checks of its routes. Close it with `app.close()`. */
export async function buildApplication<C extends BaseConfig>(
  options: ApplicationOptions<C>,
  config: C,
  logger: Logger = createLogger({ service: options.name, level: config.LOG_LEVEL }),
): Promise<NestFastifyApplication> {
  const drain: { service?: DrainService } = {}
  const adapter = createAdapter({
    config,
    logger,
    bodyLimitBytes: options.bodyLimitBytes ?? MEBIBYTE,
    isDraining: () => drain.service?.draining ?? false,
  })
  if (options.forms) acceptForms(adapter.getInstance() as never)
  await adapter.register(helmet as never, { contentSecurityPolicy: policyOf(options), global: true })
  const root = KitModule.around(options.appModule(config), { config, logger })
  const settings = { bufferLogs: true, bodyParser: false, abortOnError: false }
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, settings)
  app.useLogger(app.get(NestLogger))
  drain.service = app.get(DrainService)
  await options.onApp?.(app, config)
  serveOpenApi(app, options)
  return app
}

/** Starts a service: metrics, traces, HTTP. `close` ends all of them. */
export async function startApplication<C extends BaseConfig>(
  options: ApplicationOptions<C>,
  config: C,
  logger: Logger = createLogger({ service: options.name, level: config.LOG_LEVEL }),
): Promise<Application> {
  collectProcessMetrics(options.name)
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT
  const tracing = await startTracing({ service: options.name, ...(endpoint ? { endpoint } : {}) })
  const app = await buildApplication(options, config, logger)
  await app.listen(config.PORT, config.HOST)
  const metrics = await serveMetrics({ host: config.HOST, port: config.METRICS_PORT })
  const { port } = app.getHttpServer().address() as AddressInfo
  let closing: Promise<void> | undefined
  const close = async () => {
    app.get(DrainService).begin()
    await app.close()
    await Promise.all([metrics.close(), tracing.stop()])
  }
  return { app, port, metricsPort: metrics.port, close: () => (closing ??= close()) }
}

function policyOf(options: Pick<ApplicationOptions, 'contentSecurityPolicy'>) {
  return { useDefaults: false, directives: options.contentSecurityPolicy ?? NO_PAGE }
}
