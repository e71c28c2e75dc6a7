// What the machine gives without a ledger, measured in the same run: ratios to it can be compared between machines.
import { startNats } from '@careseal/stack'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from 'nats'
import { Client, Pool, type ClientBase } from 'pg'
import { closedLoop } from './closed-loop.js'
import { copyFrom } from './copy-from.js'
import { ratePerSecond } from './statistics.js'

/** A bare operation's rate, in the unit of what it is compared with. */
export type Bare = { name: string; unit: string; value: number }

export type BareOptions = {
  /** A superuser's URL of the Postgres under measurement. */
  postgresUrl: string
  /** Rows in a COPY: what one transaction of the measured path holds. */
  batchSize: number
  /** Bytes of a row's body; 0 for the 64 bytes of a leaf, tag and commitment. */
  bodyBytes: number
  durationMs?: number
}

const DURATION_MS = 2_500
const WINDOW = 512

/** Text COPY of one row per entry, without and with a key; a plain insert per commit; JetStream publishes. */
export async function measureBare(options: BareOptions): Promise<Bare[]> {
  return [...(await measureBarePostgres(options)), await measureBareJetStream(options)]
}

export async function measureBarePostgres(options: BareOptions): Promise<Bare[]> {
  const client = new Client({ connectionString: options.postgresUrl })
  await client.connect()
  try {
    await client.query('CREATE SCHEMA IF NOT EXISTS bench')
    const copied = options.batchSize > 1 ? await bareCopies(client, options) : []
    const inserted = await inserts(client, options)
    return [...copied, { name: 'plain insert, one row per commit', unit: 'rows/s', value: inserted }]
  } finally {
    await client.query('DROP TABLE IF EXISTS bench.entry').catch(() => {})
    await client.end()
  }
}

/**
 * Transactions of `rows` plain inserts into a table with a key, each statement a round trip, from so many connections at
 * a time: what the machine has left for commands that do nothing at all.
 */
export async function measureBareTransactions(
  options: Pick<BareOptions, 'postgresUrl' | 'bodyBytes'> & { clients: number; rows: number },
): Promise<Bare> {
  const { clients, rows } = options
  const pool = new Pool({ connectionString: options.postgresUrl, max: clients })
  try {
    const client = await pool.connect()
    await client.query('CREATE SCHEMA IF NOT EXISTS bench')
    await makeTable(client, 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY')
    client.release()
    const once = () => transaction(pool, options)
    const { perSecond } = await closedLoop({ clients, warmUpMs: 1_000, durationMs: DURATION_MS, once })
    const name = `transactions of ${rows} plain inserts, ${clients} connections`
    return { name, unit: 'transactions/s', value: perSecond }
  } finally {
    await pool.query('DROP TABLE IF EXISTS bench.entry').catch(() => {})
    await pool.end()
  }
}

async function transaction(pool: Pool, { rows, bodyBytes }: { rows: number; bodyBytes: number }): Promise<void> {
  const client = await pool.connect()
  const hash = Buffer.alloc(32, 7)
  const text = 'INSERT INTO bench.entry (tag, commitment, body) VALUES ($1, $2, $3)'
  try {
    await client.query('BEGIN')
    for (let row = 0; row < rows; row++) {
      await client.query({ name: 'bare-row', text, values: [hash, hash, Buffer.alloc(bodyBytes, 7)] })
    }
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

// A COPY of a single row compares with nothing: its three messages wait for one another.
async function bareCopies(client: Client, options: BareOptions): Promise<Bare[]> {
  const name = `COPY of ${options.batchSize} rows per commit`
  return [
    { name, unit: 'rows/s', value: await copies(client, options, 'bigint') },
    {
      name: 'the same into a table with a key',
      unit: 'rows/s',
      value: await copies(client, options, 'bigint PRIMARY KEY'),
    },
  ]
}

async function copies(client: Client, options: BareOptions, key: string): Promise<number> {
  await makeTable(client, key)
  const line = rowOf(options)
  return repeated(options, options.batchSize, (turn) => {
    const rows = Array.from({ length: options.batchSize }, (_, place) => line(turn * options.batchSize + place))
    return copyFrom(client, 'bench.entry', rows)
  })
}

async function makeTable(client: ClientBase, key: string): Promise<void> {
  await client.query('DROP TABLE IF EXISTS bench.entry')
  await client.query(`CREATE TABLE bench.entry (seq ${key}, tag bytea, commitment bytea, body bytea)`)
}

async function inserts(client: Client, options: BareOptions): Promise<number> {
  await makeTable(client, 'bigint')
  const hash = Buffer.alloc(32, 7)
  const body = Buffer.alloc(options.bodyBytes, 7)
  const text = 'INSERT INTO bench.entry VALUES ($1, $2, $3, $4)'
  return repeated(options, 1, (turn) => client.query({ name: 'bare-insert', text, values: [turn, hash, hash, body] }))
}

function rowOf({ bodyBytes }: BareOptions): (seq: number) => string {
  const body = 'ab'.repeat(bodyBytes)
  return (seq) => `${seq}\t\\\\x${hashLike(seq)}\t\\\\x${hashLike(seq * 7)}\t\\\\x${body}`
}

function hashLike(value: number): string {
  return value.toString(16).padStart(64, '0')
}

async function repeated(options: BareOptions, size: number, once: (turn: number) => Promise<unknown>): Promise<number> {
  const { durationMs = DURATION_MS } = options
  await once(0)
  const started = performance.now()
  let done = 0
  while (performance.now() - started < durationMs) {
    await once(done + 1)
    done += 1
  }
  return ratePerSecond(done * size, performance.now() - started)
}

async function measureBareJetStream({ bodyBytes, durationMs = DURATION_MS }: BareOptions): Promise<Bare> {
  const server = await startNats()
  const connection = await connect({ servers: server.url })
  try {
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'BARE', subjects: ['bare.>'] })
    const value = await publishing(jetstream(connection), { bodyBytes, durationMs })
    return { name: `JetStream publish, ${WINDOW} unanswered`, unit: 'messages/s', value }
  } finally {
    await connection.close()
    await server.stop()
  }
}

async function publishing(
  stream: ReturnType<typeof jetstream>,
  { bodyBytes, durationMs }: { bodyBytes: number; durationMs: number },
): Promise<number> {
  const body = new Uint8Array(Math.max(64, bodyBytes))
  const started = performance.now()
  let done = 0
  const publisher = async () => {
    while (performance.now() - started < durationMs) {
      await stream.publish('bare.entry', body)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: WINDOW }, publisher))
  return ratePerSecond(done, performance.now() - started)
}
