import { loadConfigOrExit, migrationConfig, runMigrations } from '@careseal/service-kit'
import { z } from 'zod'
import { CreateAudit1764000000000 } from './migrations/1764000000000-create-audit.js'

const { MIGRATION_DATABASE_URL: url } = loadConfigOrExit('audit-migrate', z.object(migrationConfig))
const check = process.argv.includes('--check')
const { applied, pending } = await runMigrations({
  url,
  service: 'audit-migrate',
  migrations: [CreateAudit1764000000000],
  check,
})
for (const name of applied) process.stdout.write(`applied ${name}\n`)
for (const name of pending) process.stdout.write(`pending ${name}\n`)
if (pending.length > 0) process.exitCode = 3
