// `careseal fsck`: re-derives from the databases all that can be re-derived, and names what does not agree.
import { SubjectKeys, fileKms } from '@careseal/keys'
import { Client } from 'pg'
import { backlogPass } from './backlog-pass.js'
import { checkpointPass } from './checkpoint-pass.js'
import { eventsPass } from './events-pass.js'
import { ledgerPass } from './ledger-pass.js'
import { lostPass } from './lost-pass.js'
import { permitsPass } from './permits-pass.js'
import { readModelsPass } from './read-models-pass.js'
import { recordsPass } from './records-pass.js'
import type { Check, FsckReport, Progress } from './report.js'
import { tombstonesPass } from './tombstones-pass.js'

export type FsckInput = {
  /** Of a role that may read every schema. Nothing is written. */
  databaseUrl: string
  /** The log's origin and its verifier keys, as the reader trusts them. */
  origin: string
  vkeys: readonly string[]
  producers: readonly { producer: string; schema: string }[]
  /** Key file per service; without one, that service's ciphertext and openings are not looked into. */
  kmsKeyFiles: Readonly<Record<string, string>>
  /** The signer's folder; without it, its tombstones are not compared with the services'. */
  signerDir?: string
  progress?: Progress
}

/** Looks at a live system or a restored copy; one that is being written to shows a backlog that is none. */
export async function fsck(input: FsckInput): Promise<FsckReport> {
  const clients: Client[] = []
  const connect = async () => {
    const client = new Client({ connectionString: input.databaseUrl, application_name: 'careseal-fsck' })
    clients.push(client)
    await client.connect()
    return client
  }
  try {
    return report(await checks(input, connect))
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function checks(input: FsckInput, connect: () => Promise<Client>): Promise<Check[]> {
  const progress = input.progress ?? (() => undefined)
  const sql = await connect()
  const { producers, origin, vkeys } = input
  const ledger = await ledgerPass({ sql, connect, producers, origin, progress })
  const found = [...ledger.checks, await checkpointPass({ sql, facts: ledger.facts, origin, vkeys })]
  const schemas = [...new Set(producers.map(({ schema }) => schema))]
  for (const schema of schemas) {
    found.push(...(await servicePass(input, await connect(), schema)), await lostPass(sql, schema))
  }
  const { signerDir } = input
  found.push(...(await tombstonesPass({ sql, schemas, ...(signerDir === undefined ? {} : { signerDir }) })))
  found.push(...(await permitsPass(sql, progress)))
  found.push(...(await readModelsPass(await connect())))
  found.push(...(await backlogPass({ sql, producers, facts: ledger.facts })))
  return found
}

async function servicePass(input: FsckInput, sql: Client, service: string): Promise<Check[]> {
  const progress = input.progress ?? (() => undefined)
  await sql.query(`SET search_path = ${service}, ${service}_keys`)
  const keyFile = input.kmsKeyFiles[service]
  if (keyFile === undefined) return eventsPass({ sql, service, progress })
  const keys = new SubjectKeys({ kms: fileKms(keyFile), randomBytes: refuseToMake, randomUuid: refuseToMake })
  const opening = { origin: input.origin, acquireKeyVersions: keys.acquireVersions.bind(keys) }
  const found = await eventsPass({ sql, service, opening, progress })
  if (service === 'records') found.push(await recordsPass({ sql, keys, origin: input.origin, progress }))
  return found
}

function refuseToMake(): never {
  throw new Error('fsck makes no keys')
}

function report(found: readonly Check[]): FsckReport {
  const results = found.map((check) => check.result())
  return { clean: results.every((result) => result.violations.length === 0), checks: results }
}
