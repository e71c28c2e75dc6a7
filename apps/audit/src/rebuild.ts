// Empties a read model and makes it anew from all events, asked from their producers. A running service goes on reading:
// it notices that the position has moved. If we crash here, run it again.
import { randomBytes, randomUUID } from 'node:crypto'
import { fileKms, SubjectKeys } from '@careseal/keys'
import { connectNats } from '@careseal/messaging'
import { LedgerClient, ProjectionReader, type Projection } from '@careseal/nest-event-store'
import { dataSourceOptions, loadConfigOrExit } from '@careseal/service-kit'
import { Logger } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { AccessLogProjection } from './access-log/access-log.projection.js'
import { AccountsProjection } from './accounts/accounts.projection.js'
import { config, type AuditConfig } from './config.js'
import { ENTITIES } from './entities.js'
import { PROJECTIONS } from './projections.js'

const USAGE = `Usage: node apps/audit/dist/rebuild.js [projection…]
Rebuilds all read models of audit, or those named: ${PROJECTIONS.map(({ name }) => name).join(', ')}.
`

const names = process.argv.slice(2)
if (names.includes('--help')) {
  process.stdout.write(USAGE)
  process.exit(0)
}
if (names.some((name) => !PROJECTIONS.some((known) => known.name === name))) {
  process.stderr.write(USAGE)
  process.exit(2)
}
// The reader goes on reading for the moment until it is stopped; that this is cut short is no news.
Logger.overrideLogger(['error', 'fatal'])
await rebuild(loadConfigOrExit('audit-rebuild', config), names)

async function rebuild(settings: AuditConfig, wanted: readonly string[]): Promise<void> {
  const dataSource = await openDatabase(settings)
  const nc = await connectNats({
    name: 'audit',
    url: settings.NATS_URL,
    seedFile: settings.NATS_NKEY_SEED_FILE,
    caFile: settings.NATS_CA_FILE,
  })
  const models = modelsOf(settings)
  const ledger = new LedgerClient({ ledgerUrl: settings.LEDGER_URL })
  for (const { name, producers } of PROJECTIONS.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
    const model = models[name]!
    const reader = new ProjectionReader({
      name,
      producers,
      admitted: () => ledger.producerNames(),
      model,
      dataSource,
      nc,
      origin: settings.LEDGER_ORIGIN,
    })
    await reader.rebuild(({ applied, total }) => process.stderr.write(`${name} ${applied}/${total}\n`))
    await reader.onModuleDestroy()
    process.stdout.write(`rebuilt ${name}\n`)
  }
  await nc.drain()
  await dataSource.destroy()
}

function modelsOf(settings: AuditConfig): Record<string, Projection> {
  const keys = new SubjectKeys({ kms: fileKms(settings.KMS_KEY_FILE), randomBytes, randomUuid: randomUUID })
  return { 'access-log': new AccessLogProjection(keys), accounts: new AccountsProjection() }
}

function openDatabase(settings: AuditConfig): Promise<DataSource> {
  const options = { url: settings.DATABASE_URL, service: 'audit-rebuild', entities: ENTITIES, poolSize: 4 }
  return new DataSource(dataSourceOptions(options)).initialize()
}
