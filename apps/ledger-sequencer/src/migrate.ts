import { loadConfigOrExit, migrationConfig, runMigrations } from '@careseal/service-kit'
import { z } from 'zod'
import { migrations } from './migrations/index.js'

const environment = loadConfigOrExit('ledger migrate', z.object(migrationConfig))
const check = process.argv.includes('--check')

const { applied, pending } = await runMigrations({
  url: environment.MIGRATION_DATABASE_URL,
  service: 'ledger',
  migrations,
  check,
})
for (const name of applied) process.stdout.write(`applied ${name}\n`)
for (const name of pending) process.stdout.write(`pending ${name}\n`)
if (pending.length > 0) process.exitCode = 3
