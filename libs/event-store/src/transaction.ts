import { durableStep, type DurableStep } from '@careseal/durable-step'
import type { ClientBase } from 'pg'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'

/** A connection or a pool, for questions that need no transaction. */
export type Queryable = Pick<ClientBase, 'query'>

/** One connection in one READ COMMITTED transaction: `sql` for batches and locks, `manager` for entities. */
export type Tx = { readonly sql: ClientBase; readonly manager: EntityManager }

/** Asks on a connection of the pool, without a transaction: each statement sees what is committed when it begins. */
export async function ask<T>(dataSource: DataSource, question: (sql: Queryable) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner()
  try {
    return await question((await runner.connect()) as ClientBase)
  } finally {
    await runner.release()
  }
}

/**
 * Runs `work` in one transaction and commits it; any error rolls back and is thrown on.
 *
 * If the connection breaks during COMMIT its outcome is unknown: the error is thrown, and whoever repeats the request
 * needs an idempotency key or an expected version.
 */
export async function transaction<T>(
  dataSource: DataSource,
  work: (tx: Tx) => Promise<T>,
  step: DurableStep = 'transaction.commit',
): Promise<T> {
  const runner = dataSource.createQueryRunner()
  try {
    const sql = (await runner.connect()) as ClientBase
    await runner.startTransaction()
    const result = await work({ sql, manager: runner.manager })
    await durableStep(step, () => runner.commitTransaction())
    return result
  } catch (error) {
    await rollbackQuietly(runner)
    throw error
  } finally {
    await runner.release()
  }
}

// A rollback that fails means that the connection is gone, and with it the transaction; the first error matters more.
async function rollbackQuietly(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return
  await runner.rollbackTransaction().catch(() => undefined)
}
