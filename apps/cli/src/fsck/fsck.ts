// `careseal fsck`: re-derives from the databases all that can be re-derived, and names what does not agree.
import type { Client } from 'pg'
import { backlogPass } from './backlog-pass.js'
import { checkpointPass, type SignerReadings, type SignerState } from './checkpoint-pass.js'
import { eventsPass } from './events-pass.js'
import { ledgerPass } from './ledger-pass.js'
import { lostPass } from './lost-pass.js'
import { permitsPass } from './permits-pass.js'
import { producersOf, type ProducerPlace } from './producers.js'
import { reportOf, type Check, type FsckReport, type Progress } from './report.js'
import { accessLogCheck, rulesPass } from './rules-pass.js'
import { ServiceKeys } from './service-keys.js'
import { Snapshot } from './snapshot.js'
import { tombstonesPass } from './tombstones-pass.js'
import { uniquenessPass } from './uniqueness-pass.js'
import { versionsPass } from './versions-pass.js'

export type FsckInput = {
  /** Of a role that may read every schema. Nothing is written. */
  databaseUrl: string
  /** The log's origin and its verifier keys, as the reader trusts them. */
  origin: string
  vkeys: readonly string[]
  /** The services' schemas; which producers write into each, each says itself. */
  schemas: readonly string[]
  /** Key file per service; without one, that service's ciphertext and openings are not looked into. */
  kmsKeyFiles: Readonly<Record<string, string>>
  /** Reads what the signer remembers; left out where its folder is not on this machine. */
  signerState?: (() => SignerState | null) | undefined
  /** The signer's folder; without it, its tombstones are not compared with the services'. */
  signerDir?: string
  /** The text of the policy that says who has to have co-signed; without one, I18 is not looked at. */
  policy?: string | undefined
  progress?: Progress
}

/** Looks at one moment of a live system or of a restored copy. A backlog that it shows may be gone a second later. */
export async function fsck(input: FsckInput): Promise<FsckReport> {
  const before = input.signerState?.()
  const snapshot = await Snapshot.take(input.databaseUrl)
  const after = input.signerState?.()
  try {
    const signer = before === undefined || after === undefined ? undefined : { before, after }
    return reportOf(await checks(input, snapshot, signer), 'databases')
  } finally {
    await snapshot.end()
  }
}

async function checks(input: FsckInput, snapshot: Snapshot, signer: SignerReadings | undefined): Promise<Check[]> {
  const progress = input.progress ?? (() => undefined)
  const sql = await snapshot.connect()
  const { schemas, origin, vkeys } = input
  const producers = await producersOf(sql, schemas)
  const ledger = await ledgerPass({ sql, connect: () => snapshot.connect(), producers, origin, progress })
  const known = { ...(signer ? { signer } : {}), ...(input.policy === undefined ? {} : { policy: input.policy }) }
  const signed = await checkpointPass({ sql, facts: ledger.facts, origin, vkeys, ...known })
  const found = [...ledger.checks, ...signed]
  for (const schema of schemas) {
    const own = await snapshot.connect(schema, `${schema}_keys`)
    found.push(...(await servicePass(input, { sql: own, service: schema, producers })), await lostPass(sql, schema))
  }
  const { signerDir } = input
  found.push(...(await tombstonesPass({ sql, schemas, ...(signerDir === undefined ? {} : { signerDir }) })))
  found.push(...(await uniquenessPass(sql, schemas)))
  found.push(...(await permitsPass({ sql, producers, progress })))
  found.push(await accessLogCheck(sql))
  found.push(...(await backlogPass({ sql, schemas, producers, facts: ledger.facts })))
  return found
}

type Service = { sql: Client; service: string; producers: readonly ProducerPlace[] }

async function servicePass(input: FsckInput, { sql, service, producers }: Service): Promise<Check[]> {
  const progress = input.progress ?? (() => undefined)
  const keyFile = input.kmsKeyFiles[service]
  const keys = keyFile === undefined ? undefined : new ServiceKeys(sql, keyFile)
  const producer = producers.findLast((place) => place.schema === service)?.producer ?? service
  const { origin } = input
  const found = await eventsPass({ sql, service, origin, producer, keys, progress })
  if (keys) found.push(...(await versionsPass({ sql, service, keys, origin, progress })))
  return [...found, ...(await rulesPass(sql, service))]
}
