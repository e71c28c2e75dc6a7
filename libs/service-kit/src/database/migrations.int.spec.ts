import { startPostgres, type RunningPostgres } from '@careseal/stack'
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataSourceOptions } from './data-source.js'
import { runMigrations } from './migrations.js'

class First1000000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Slow, so that runners that did not wait for each other would collide.
    await runner.query('SELECT pg_sleep(0.2)')
    await runner.query('CREATE TABLE first (id int)')
  }
  async down(): Promise<void> {}
}

class Broken2000000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half (id int)')
    await runner.query('CREATE TABLE first (id int)')
  }
  async down(): Promise<void> {}
}

describe('migrations', () => {
  let postgres: RunningPostgres
  const options = () => ({ url: postgres.url, service: 'try', migrations: [First1000000000000] })

  beforeAll(async () => {
    postgres = await startPostgres({ durable: false })
  })
  afterAll(() => postgres.stop())

  it('are only named by a check', async () => {
    const pending = ['First1000000000000']
    expect(await runMigrations({ ...options(), check: true })).toEqual({ applied: [], pending })
    expect(await runMigrations({ ...options(), check: true })).toEqual({ applied: [], pending })
  })

  it('run once, however many start them at the same time', async () => {
    const results = await Promise.all([1, 2, 3].map(() => runMigrations(options())))
    expect(results.flatMap(({ applied }) => applied)).toEqual(['First1000000000000'])
    expect(await runMigrations({ ...options(), check: true })).toEqual({ applied: [], pending: [] })
  })

  it('leave nothing of one that failed', async () => {
    const broken = { ...options(), migrations: [First1000000000000, Broken2000000000000] }
    await expect(runMigrations(broken)).rejects.toThrow('already exists')
    expect(await runMigrations({ ...broken, check: true })).toEqual({ applied: [], pending: ['Broken2000000000000'] })
    const dataSource = await new DataSource(dataSourceOptions(options())).initialize()
    const [row] = await dataSource.query<{ half: string | null }[]>(`SELECT to_regclass('half') AS half`)
    expect(row!.half).toBeNull()
    await dataSource.destroy()
  })

  it('leave the deadlines of a data source as they are', async () => {
    const dataSource = await new DataSource(dataSourceOptions({ ...options(), statementTimeoutMs: 50 })).initialize()
    await expect(dataSource.query('SELECT pg_sleep(1)')).rejects.toThrow('statement timeout')
    await dataSource.destroy()
  })
})
