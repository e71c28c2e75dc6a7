// Runs where a container engine answers and has the images, or can pull them; skipped elsewhere.
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'nats'
import { jetstreamManager } from '@nats-io/jetstream'
import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { areContainersAvailable, startContainerNats, startContainerPostgres } from './containers.js'
import type { ControlledPart, PartsOptions } from './parts.js'

const options: PartsOptions = {
  postgresDir: '',
  natsDir: '',
  superuserPassword: 'p w/1',
  natsConfig: () => '',
  durable: false,
  onCrash: () => {},
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let n = 0; ; n++) {
    try {
      return await attempt()
    } catch (error) {
      if (n === 100) throw error
      await delay(100)
    }
  }
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function streamNames(url: string, add?: string): Promise<string[]> {
  const connection = await connect({ servers: url, timeout: 2_000 })
  try {
    const manager = await jetstreamManager(connection)
    if (add) await manager.streams.add({ name: add, subjects: [`${add}.>`] })
    return await manager.streams.names().next()
  } finally {
    await connection.close()
  }
}

describe.skipIf(!(await areContainersAvailable()))('parts in containers', () => {
  const started: ControlledPart[] = []
  afterAll(() => Promise.all(started.map((part) => part.stop())))

  it('Postgres keeps its data and its port through a kill', async () => {
    const postgres = await startContainerPostgres(options)
    started.push(postgres)
    await query(postgres.url, 'CREATE TABLE kept AS SELECT 7 AS seven')
    await postgres.kill()
    expect(await eventually(() => query(postgres.url, 'SELECT seven FROM kept'))).toEqual([{ seven: 7 }])
  })

  it('NATS keeps its streams through a kill and loses them by a wipe', async () => {
    const nats = await startContainerNats(options)
    started.push(nats)
    await streamNames(nats.url, 'KEPT')
    await nats.kill()
    expect(await eventually(() => streamNames(nats.url))).toEqual(['KEPT'])
    await nats.wipe()
    expect(await eventually(() => streamNames(nats.url))).toEqual([])
  })
})
