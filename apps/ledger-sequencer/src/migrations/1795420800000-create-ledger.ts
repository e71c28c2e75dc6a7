import type { MigrationInterface, QueryRunner } from 'typeorm'
import { APPEND_BLOCK } from './append-block.sql.js'
import { LEDGER_GUARDS } from './ledger-guards.sql.js'
import { LEDGER_GRANTS, LEDGER_TABLES } from './ledger-tables.sql.js'

export class CreateLedger1795420800000 implements MigrationInterface {
  name = 'CreateLedger1795420800000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LEDGER_TABLES)
    await runner.query(LEDGER_GUARDS)
    await runner.query(APPEND_BLOCK)
    await runner.query(LEDGER_GRANTS)
  }

  async down(): Promise<void> {
    throw new Error('a ledger is never taken down by a migration')
  }
}
