// A service gets the rights of its eraser in one transaction at a time, and loses them at its end whatever happens.
import { durableStep } from '@careseal/durable-step'
import { withConnection } from '@careseal/event-store'
import type { Pool, PoolClient } from 'pg'

/** Runs `work` in one transaction as `<service>_eraser`. Throws what `work` or the database throws; nothing is done then. */
export async function asEraser<T>(pool: Pool, service: string, work: (sql: PoolClient) => Promise<T>): Promise<T> {
  if (!/^[a-z][a-z0-9_]*$/.test(service)) throw new RangeError('a service name is a plain lower-case identifier')
  return withConnection(pool, async (client) => {
    await client.query('BEGIN')
    await client.query(`SET LOCAL ROLE ${service}_eraser`)
    const result = await work(client)
    await durableStep('transaction.commit', () => client.query('COMMIT'))
    return result
  })
}
