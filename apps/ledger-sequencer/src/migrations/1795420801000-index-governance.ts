import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Few blocks open with control entries: without an index each question for them would read all blocks. */
export class IndexGovernance1795420801000 implements MigrationInterface {
  name = 'IndexGovernance1795420801000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX block_with_controls ON block (height) WHERE cardinality(controls) > 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX block_with_controls')
  }
}
