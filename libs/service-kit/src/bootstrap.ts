// The life of a service's process: environment, start, signals, end.
import { createLogger, type Logger } from '@careseal/observability'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { startApplication, type Application, type ApplicationOptions } from './application.js'
import type { BaseConfig } from './config/base-config.js'
import { loadConfigOrExit } from './config/load-config.js'
import { DrainService } from './drain.service.js'

type ConfigSchema = z.ZodObject & z.ZodType<BaseConfig>

export type BootstrapOptions<S extends ConfigSchema> = ApplicationOptions<z.infer<S> & BaseConfig> & { config: S }

/**
 * Runs a service until SIGTERM or SIGINT; the one statement of a main.ts.
 *
 * Exit codes: 0 drained, 1 failed (start, unhandled rejection, deadline of the drain), 78 environment wrong.
 */
export function bootstrap<S extends ConfigSchema>({ config: schema, ...options }: BootstrapOptions<S>): void {
  const config = loadConfigOrExit(options.name, schema) as z.infer<S> & BaseConfig
  const logger = createLogger({ service: options.name, level: config.LOG_LEVEL })
  endOnUnknownState(logger)
  startApplication(options, config, logger).then(
    (application) => drainAtSignals(application, config, logger),
    (error: unknown) => {
      logger.fatal({ err: error }, 'start failed')
      process.exit(1)
    },
  )
}

// What was not caught left its state unknown: recovery is the code path of a normal start.
function endOnUnknownState(logger: Logger): void {
  const end = (event: string) => (error: unknown) => {
    logger.fatal({ err: error }, event)
    process.exit(1)
  }
  process.on('unhandledRejection', end('unhandled rejection'))
  process.on('uncaughtException', end('uncaught exception'))
}

function drainAtSignals(application: Application, config: BaseConfig, logger: Logger): void {
  logger.info({ port: application.port, metricsPort: application.metricsPort }, 'ready')
  let draining = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (draining) return
    draining = true
    logger.info({ signal }, 'draining')
    setTimeout(() => {
      logger.fatal('the drain took too long')
      process.exit(1)
    }, config.DRAIN_DEADLINE_MS).unref()
    void drain(application, config.DRAIN_DELAY_MS).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, 'the drain failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** Unready first; whoever routes to us has `delayMs` to notice; then Nest's hooks in the order DrainService tells. */
export async function drain(application: Application, delayMs: number): Promise<void> {
  application.app.get(DrainService).begin()
  await sleep(delayMs)
  await application.close()
}
