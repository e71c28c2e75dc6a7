// Administration entries are read at every start; without this, each start would read every block.
import type { MigrationInterface, QueryRunner } from 'typeorm'

export class IndexAdministration1795430000000 implements MigrationInterface {
  name = 'IndexAdministration1795430000000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX block_administration ON block (height) WHERE cardinality(controls) > 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX block_administration')
  }
}
