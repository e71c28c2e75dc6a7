// What an operator with a superuser's rights could do to stored bytes, done on purpose: one byte is changed past every
// trigger and grant, and what was there is kept so that it can be put back.
import { Client } from 'pg'
import type { DataDir } from '@careseal/stack'
import { CliError, EXIT } from '../exit.js'
import { withLock } from '../folder-lock.js'

export type TamperTarget = 'entry' | 'record'

/** One changed value: where, and what was there. */
export type Tampering = {
  target: TamperTarget
  table: string
  column: string
  key: Record<string, string>
  offset: number
  before: string
  /** For people: what was hit, by ids and places. */
  described: string
}

const FILE = 'tampered.json'
const WAIT_MS = 10_000

type Victim = {
  table: string
  column: string
  key: Record<string, string>
  value: Buffer
  offset: number
  described: string
}

/** Changes one byte in the middle of what is stored. Throws if one is changed already, or there is nothing to change yet. */
export async function tamper(dataDir: DataDir, databaseUrl: string, target: TamperTarget): Promise<Tampering> {
  return underLock(dataDir, async () => {
    const [earlier] = tamperings(dataDir)
    // The same bit of the same value changed again would be as it was, and restored as if it had been good before.
    if (earlier) {
      const mend = 'put it back first with careseal demo restore'
      throw new CliError(EXIT.usage, `${earlier.described} is changed already: ${mend}`)
    }
    return withSuperuser(databaseUrl, (client) => change(dataDir, client, target))
  })
}

async function change(dataDir: DataDir, client: Client, target: TamperTarget): Promise<Tampering> {
  const victim = target === 'entry' ? await anEntry(client) : await aRecord(client)
  if (!victim) throw new CliError(EXIT.failure, `there is no stored ${target} to change yet: import something first`)
  const { table, column, key, value, offset, described } = victim
  const tampering = { target, table, column, key, offset, before: value.toString('base64'), described }
  // Written before the change: a crash in between leaves something to restore that changes nothing.
  dataDir.writeJson(FILE, [tampering])
  const changed = Buffer.from(value)
  changed[offset] = (changed[offset] as number) ^ 1
  await overwrite(client, tampering, changed)
  return tampering
}

/** Puts everything back, the last change first. Resolves to what was put back. */
export async function restore(dataDir: DataDir, databaseUrl: string): Promise<Tampering[]> {
  return underLock(dataDir, async () => {
    const done = tamperings(dataDir).toReversed()
    await withSuperuser(databaseUrl, async (client) => {
      for (const tampering of done) await overwrite(client, tampering, Buffer.from(tampering.before, 'base64'))
    })
    dataDir.remove(FILE)
    return done
  })
}

function underLock<T>(dataDir: DataDir, work: () => Promise<T>): Promise<T> {
  const what = `changing stored bytes of ${dataDir.root}, or putting them back`
  return withLock(dataDir.path(`${FILE}.lock`), { what, waitMs: WAIT_MS }, work)
}

/** What was changed and not put back yet. */
export function tamperings(dataDir: DataDir): Tampering[] {
  return dataDir.readJson<Tampering[]>(FILE) ?? []
}

// The commitment of the first leaf of the block in the middle of those that have leaves.
async function anEntry(client: Client): Promise<Victim | null> {
  const { rows } = await client.query<{ height: string; leaves: Buffer; first: string }>(
    `SELECT height, leaves, first_index + cardinality(controls) AS first FROM ledger.block
     WHERE octet_length(leaves) > 0 ORDER BY height
     OFFSET (SELECT count(*) / 2 FROM ledger.block WHERE octet_length(leaves) > 0) LIMIT 1`,
  )
  const row = rows[0]
  if (!row) return null
  const described = `block ${row.height}, entry ${row.first}: one bit of its commitment`
  return {
    table: 'ledger.block',
    column: 'leaves',
    key: { height: row.height },
    value: row.leaves,
    offset: 40,
    described,
  }
}

async function aRecord(client: Client): Promise<Victim | null> {
  const { rows } = await client.query<{ type: string; id: string; version_id: string; ciphertext: Buffer }>(
    `SELECT type, id, version_id, ciphertext FROM records.version WHERE ciphertext IS NOT NULL ORDER BY recorded_at, version_id
     OFFSET (SELECT count(*) / 2 FROM records.version WHERE ciphertext IS NOT NULL) LIMIT 1`,
  )
  const row = rows[0]
  if (!row) return null
  const described = `${row.type}/${row.id}/_history/${row.version_id}: one bit of its ciphertext`
  const offset = Math.floor(row.ciphertext.length / 2)
  return {
    table: 'records.version',
    column: 'ciphertext',
    key: { version_id: row.version_id },
    value: row.ciphertext,
    offset,
    described,
  }
}

type Place = Pick<Tampering, 'table' | 'column' | 'key'>

// As a replica the session fires no triggers: so could whoever owns the server.
async function overwrite(client: Client, { table, column, key }: Place, value: Buffer): Promise<void> {
  const [[name, wanted] = ['', '']] = Object.entries(key)
  await client.query('BEGIN')
  await client.query('SET LOCAL session_replication_role = replica')
  await client.query(`UPDATE ${table} SET ${column} = $1 WHERE ${name}::text = $2`, [value, wanted])
  await client.query('COMMIT')
}

async function withSuperuser<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(databaseUrl)
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
