// For specs: a ledger of two blocks, made by hand under the service's own role, on which each change is tried.
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import {
  append,
  childOf,
  genesisBlock,
  inTransaction,
  insertBlock,
  moveCursors,
  moveHead,
  type HeaderFields,
  type RawBlock,
} from './raw-block.js'

export const genesis = genesisBlock()
export const first = childOf(genesis)

/** The block that would be right after the two. */
export const next = (fields: Partial<HeaderFields> = {}, more = {}): RawBlock =>
  childOf(first, { runs: [{ producer: 'records', fromSeq: 4, count: 1 }], ...fields }, more)

export class SealedLedger {
  database: LedgerDatabase
  sql: Client

  /** What the database says to it; empty when it allows it. */
  async refusalOf(work: () => Promise<unknown>): Promise<string> {
    try {
      await inTransaction(this.sql, async () => void (await work()))
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }

  /** A whole block but for its tiles. */
  async grow(count: number): Promise<void> {
    const block = next({ runs: [{ producer: 'records', fromSeq: 4, count }] })
    await insertBlock(this.sql, block)
    await moveHead(this.sql, block)
    await moveCursors(this.sql, block)
  }
}

/** Begins anew before each test of the file. */
export function useSealedLedger(): SealedLedger {
  const ledger = new SealedLedger()
  beforeAll(async () => {
    ledger.database = await startLedgerDatabase()
  })
  afterAll(async () => {
    await ledger.sql.end()
    await ledger.database.stop()
  })
  beforeEach(async () => {
    await ledger.sql?.end()
    await ledger.database.reset()
    ledger.sql = new Client({ connectionString: ledger.database.url })
    await ledger.sql.connect()
    await ledger.sql.query('UPDATE lease SET epoch = 1')
    await append(ledger.sql, genesis, ['consent', 'records'])
    await append(ledger.sql, first)
  })
  return ledger
}
