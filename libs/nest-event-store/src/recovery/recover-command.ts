// `node apps/<service>/dist/recover.js`: the recovery as a program of its own, beside the service that answers nothing.
import { EventStore } from '@careseal/event-store'
import { fileKms, SubjectKeys } from '@careseal/keys'
import type { Operator } from '@careseal/ledger-core'
import { connectNats } from '@careseal/messaging'
import {
  databaseConfig,
  dataSourceOptions,
  ledgerConfig,
  loadConfigOrExit,
  messagingConfig,
} from '@careseal/service-kit'
import { createPrivateKey, randomBytes, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Pool } from 'pg'
import { DataSource, type MixedList } from 'typeorm'
import { z } from 'zod'
import { deploymentIdOf } from '../event-store.module.js'
import { LedgerClient } from '../ledger/ledger.client.js'
import { recoverProducer, type RecoveryModel, type RecoveryReport } from './recover-producer.js'
import { RecoveryLedger } from './recovery-ledger.js'

const environment = z.object({
  ...databaseConfig,
  ...messagingConfig,
  ...ledgerConfig,
  OPERATOR_KEY_FILES: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.string()).min(2))
    .describe(
      'PEM files of two operators of the genesis, <operator>.pem or ledger-<operator>.pem, separated by a comma',
    ),
})

type Environment = z.infer<typeof environment>
type Class = abstract new (...args: never[]) => unknown

/** What a service's model works with. `storeOf` appends under the incarnation that goes on. */
export type RecoveryTools = { origin: string; keys: SubjectKeys; storeOf: (producer: string) => EventStore }

export type RecoverCommand = {
  service: string
  entities: MixedList<Class>
  model: (tools: RecoveryTools) => RecoveryModel
}

const STATEMENT_MS_MAX = 10 * 60_000

/** Exit 0 with the report as JSON on stdout, 1 with the reason on stderr, 78 for a wrong environment. */
export async function recoverFromCommandLine(command: RecoverCommand): Promise<void> {
  const settings = loadConfigOrExit(`${command.service}-recover`, environment)
  try {
    process.stdout.write(`${JSON.stringify(await run(command, settings))}\n`)
  } catch (error) {
    const { code = 'failed', message } = error as { code?: string; message: string }
    process.stderr.write(`recover ${command.service}: ${code}: ${message}\n`)
    process.exitCode = 1
  }
}

async function run({ service, entities, model }: RecoverCommand, settings: Environment): Promise<RecoveryReport> {
  const { DATABASE_URL: url, LEDGER_ORIGIN: origin, LEDGER_URL: ledgerUrl } = settings
  const operators = settings.OPERATOR_KEY_FILES.map(operatorOf)
  const options = { url, service: `${service}-recover`, entities, poolSize: 2, statementTimeoutMs: STATEMENT_MS_MAX }
  const dataSource = await new DataSource(dataSourceOptions(options)).initialize()
  const pool = new Pool({ connectionString: url, max: 3, application_name: `${service}-recover` })
  pool.on('error', () => {})
  const nc = await connectNats({
    name: service,
    url: settings.NATS_URL,
    seedFile: settings.NATS_NKEY_SEED_FILE,
    caFile: settings.NATS_CA_FILE,
  })
  try {
    return await recoverProducer({
      service,
      origin,
      dataSource,
      pool,
      nc,
      client: new LedgerClient({ ledgerUrl }),
      ledger: new RecoveryLedger(ledgerUrl),
      operators,
      model: model(toolsOf(settings)),
      onProgress: (told) => process.stderr.write(`${told}\n`),
    })
  } finally {
    await nc.drain()
    await pool.end()
    await dataSource.destroy()
  }
}

function toolsOf({ LEDGER_ORIGIN: origin, KMS_KEY_FILE }: Environment): RecoveryTools {
  const keys = new SubjectKeys({ kms: fileKms(KMS_KEY_FILE), randomBytes, randomUuid: randomUUID })
  const storeOf = (producer: string) =>
    new EventStore({
      producer,
      origin,
      deploymentId: deploymentIdOf(origin),
      acquireKeys: (sql, subjectIds, how) => keys.acquire(sql, subjectIds, how),
      acquireKeyVersions: (sql, keyIds) => keys.acquireVersions(sql, keyIds),
      randomBytes,
      randomUuid: randomUUID,
    })
  return { origin, keys, storeOf }
}

/** The operator's name is that of the file. */
function operatorOf(file: string): Operator {
  const key = createPrivateKey(readFileSync(file))
  const name = basename(file, '.pem').replace(/^ledger-/, '')
  return { name, sign: (message) => sign(null, message, key) }
}
