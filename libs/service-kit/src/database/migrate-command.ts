import { z } from 'zod'
import { baseConfig, migrationConfig } from '../config/base-config.js'
import { loadConfigOrExit } from '../config/load-config.js'
import { createLogger, type Logger } from '@careseal/observability'
import type { DatabaseOptions } from './data-source.js'
import { runMigrations } from './migrations.js'

const config = z.object({ ...migrationConfig, LOG_LEVEL: baseConfig.LOG_LEVEL })

/**
 * The one statement of a migrate.ts: applies what is pending as the schema's owner; with `--check` only looks.
 *
 * Exit codes: 0 up to date, 1 failed or (with `--check`) behind, 78 environment wrong.
 */
export function migrateFromCommandLine(options: Pick<DatabaseOptions, 'service' | 'migrations'>): void {
  const { MIGRATION_DATABASE_URL: url, LOG_LEVEL: level } = loadConfigOrExit(`${options.service} migrate`, config)
  const check = process.argv.includes('--check')
  const logger = createLogger({ service: options.service, level })
  void migrate({ ...options, url, check }, logger).then((exitCode) => {
    process.exitCode = exitCode
    return exitCode
  })
}

async function migrate(options: DatabaseOptions & { check: boolean }, logger: Logger): Promise<number> {
  try {
    const { applied, pending } = await runMigrations(options)
    logger.info({ applied, pending }, options.check ? 'migrations checked' : 'migrations applied')
    return pending.length > 0 ? 1 : 0
  } catch (error) {
    logger.fatal({ err: error }, 'migrations failed')
    return 1
  }
}
