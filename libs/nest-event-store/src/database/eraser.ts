// A service gets the rights of its eraser in one transaction at a time, and loses them at its end whatever happens.
import { durableStep } from '@careseal/durable-step'
import type { Pool, PoolClient } from 'pg'

/** Runs `work` in one transaction as `<service>_eraser`. Throws what `work` or the database throws; nothing is done then. */
export async function asEraser<T>(pool: Pool, service: string, work: (sql: PoolClient) => Promise<T>): Promise<T> {
  if (!/^[a-z][a-z0-9_]*$/.test(service)) throw new RangeError('a service name is a plain lower-case identifier')
  const client = await pool.connect()
  let failure: unknown
  client.on('error', heard)
  try {
    await client.query('BEGIN')
    await client.query(`SET LOCAL ROLE ${service}_eraser`)
    const result = await work(client)
    await durableStep('transaction.commit', () => client.query('COMMIT'))
    return result
  } catch (error) {
    failure = error
    throw error
  } finally {
    // A connection that saw an error is closed: its end is the rollback, and the role goes with it.
    client.off('error', heard)
    client.release(failure !== undefined)
  }
}

// What breaks the connection while nothing runs on it also fails the next statement; unheard it would end the process.
function heard(): void {}
