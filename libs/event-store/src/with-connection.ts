import type { Pool, PoolClient } from 'pg'

/**
 * Lends a connection of the pool to one piece of work. After a failure it is closed, and what it had begun is rolled back.
 *
 * What breaks the connection while nothing runs on it also fails the next statement; unheard it would end the process.
 */
export async function withConnection<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  client.on('error', heard)
  let isBroken = true
  try {
    const result = await work(client)
    isBroken = false
    return result
  } finally {
    client.off('error', heard)
    client.release(isBroken)
  }
}

function heard(): void {}
