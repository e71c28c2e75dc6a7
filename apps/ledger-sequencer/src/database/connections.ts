// How the sequencer reaches its database. Pools are apart, so that a flood of readers never holds up the writer.
import { outsideFailure } from '@careseal/service-kit'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, Pool, types, type ClientBase, type CustomTypesConfig } from 'pg'

const INT8 = 20

// Heights, indexes and epochs stay below 2^53, so bigint columns are plain numbers here.
const numbers: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : types.getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
}

/** Anything that runs SQL: a pool, or the one connection of a transaction. */
export type Sql = Pick<Pool, 'query'> | Pick<ClientBase, 'query'>

export function readingPool(url: string, { name, max }: { name: string; max: number }): Pool {
  const pool = new Pool({
    connectionString: url,
    types: numbers,
    max,
    application_name: `careseal-ledger-${name}`,
    statement_timeout: 10_000,
    idle_in_transaction_session_timeout: 10_000,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  return pool
}

/** Resolves once the database lets this role in. Rejects when it never will, or when `signal` is aborted. */
export async function untilDatabaseAnswers(
  pool: Pool,
  { signal, onSilence }: { signal: AbortSignal; onSilence: (error: unknown) => void },
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return void (await pool.query('SELECT 1'))
    } catch (error) {
      if (outsideFailure(error)?.status !== 503 || (error as { code?: string }).code === WRONG_PASSWORD) throw error
      onSilence(error)
      await delay(ASK_AGAIN_MS, undefined, { signal })
    }
  }
}

const WRONG_PASSWORD = '28P01'
const ASK_AGAIN_MS = 300

export type SessionOptions = { url: string; applicationName: string; idleInTransactionMsMax: number }

/** One connection for one purpose, never pooled: its backend is known by pid and can be ended by a successor. */
export async function connectSession(options: SessionOptions): Promise<Client> {
  const client = new Client({
    connectionString: options.url,
    types: numbers,
    application_name: options.applicationName,
    statement_timeout: 10_000,
    query_timeout: 15_000,
    idle_in_transaction_session_timeout: options.idleInTransactionMsMax,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  })
  await client.connect()
  return client
}
