// fsck of the ledger on this machine: its database, its root keys, its own log key.
import { setTimeout as delay } from 'node:timers/promises'
import { PRODUCERS } from '@careseal/contracts'
import { incarnationOf } from '@careseal/event-store'
import { parseEntry } from '@careseal/ledger-core'
import { kmsKeyFile, type DataDir, type StackState } from '@careseal/stack'
import { Client } from 'pg'
import { fsck } from './fsck.js'
import type { FsckReport, Progress, Violation } from './report.js'
import { NOTHING_LEFT, SAME_TOMBSTONES } from './tombstones-pass.js'

export type RunFsckOptions = {
  dataDir: DataDir
  state: Pick<StackState, 'postgres' | 'ledgerOrigin'>
  progress: Progress
}

/** What a ledger that is written to shows for a moment, and what is wrong if it stays. */
const PASSING = new Set([
  'no committed event waits for its seal',
  'every projection has read everything',
  NOTHING_LEFT,
  SAME_TOMBSTONES,
])
const ATTEMPTS = 4
const PAUSE_MS = 2_000

/** Runs all checks; looks again when all it found is a backlog, for that may pass. */
export async function runFsck({ dataDir, state, progress }: RunFsckOptions): Promise<FsckReport> {
  const input = {
    databaseUrl: state.postgres,
    origin: state.ledgerOrigin,
    vkeys: await genesisKeys(state.postgres),
    producers: await producersOf(state.postgres),
    kmsKeyFiles: Object.fromEntries(PRODUCERS.map((name) => [name, kmsKeyFile(dataDir, name)])),
    signerDir: dataDir.path('signer'),
    progress,
  }
  for (let attempt = 1; ; attempt++) {
    const report = await fsck(input)
    const broken = report.checks.filter((check) => check.violations.length > 0)
    if (attempt === ATTEMPTS || broken.length === 0 || !broken.every((check) => PASSING.has(check.name))) return report
    await delay(PAUSE_MS)
  }
}

async function genesisKeys(databaseUrl: string): Promise<string[]> {
  const sql = 'SELECT controls FROM ledger.block WHERE height = 0'
  const [row] = await rowsOf<{ controls: Buffer[] }>(databaseUrl, sql)
  const first = row?.controls[0]
  const entry = first && parseEntry(first)
  return entry && 'genesis' in entry ? entry.genesis.logKeys : []
}

/** Every incarnation that the ledger has admitted, with the schema of its service. */
async function producersOf(databaseUrl: string): Promise<{ producer: string; schema: string }[]> {
  const rows = await rowsOf<{ producer: string }>(databaseUrl, 'SELECT producer FROM ledger.producer_cursor ORDER BY 1')
  return rows.map(({ producer }) => {
    const schema = PRODUCERS.find((service) => incarnationOf(service, producer) !== null) ?? producer
    return { producer, schema }
  })
}

async function rowsOf<Row extends object>(databaseUrl: string, sql: string): Promise<Row[]> {
  const client = new Client(databaseUrl)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** `invariant where: what`, as one line. */
export function describeViolation({ invariant, what, where }: Violation): string {
  return `${invariant} ${where}: ${what}`
}
