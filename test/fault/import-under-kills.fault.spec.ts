// Every service, the broker and Postgres die once in the middle of an import, and the broker loses all of its data:
// everything that was acknowledged is sealed exactly once, every projection is complete, and fsck is clean.
import { createSystemLogins, SERVICE_NAMES, type CaresealStack } from '@careseal/stack'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder } from '../support/careseal.js'
import { Load } from '../support/load.js'
import { startNativeStack } from './surroundings/native-stack.js'

const SEALED_WITHIN_MS = 30_000
const folder = temporaryFolder()
let stack: CaresealStack
let load: Load
let token: { value: string; at: number } | undefined

beforeAll(async () => {
  stack = await startNativeStack(folder.path)
  await createSystemLogins(stack)
  const seed = process.env['CARESEAL_FAULT_SEED'] ?? `fault-${Date.now()}`
  console.log(`seed ${seed}`)
  load = new Load({ origin: stack.origin, token: hospitalToken, seed, clients: 4 })
  await load.progress(4)
})
afterAll(async () => {
  await load?.stop()
  await stack?.stop()
  folder.remove()
})

async function hospitalToken(): Promise<string> {
  if (!token || performance.now() - token.at > 120_000) {
    token = { value: await stack.tokenFor('hospital'), at: performance.now() }
  }
  return token.value
}

const faults: [string, () => Promise<void>][] = [
  ...SERVICE_NAMES.map((name): [string, () => Promise<void>] => [`${name} dies`, () => stack.services[name].kill()]),
  ['the broker dies', () => stack.nats.kill()],
  ['Postgres dies', () => stack.postgres.kill()],
  ['the broker loses all of its data', () => stack.nats.wipe()],
]

describe('an import under kills', () => {
  it.each(faults)('goes on after %s', async (_name, strike) => {
    await expect.poll(() => load.inFlight, { timeout: 30_000 }).toBeGreaterThan(0)
    await strike()
    await stack.untilReady()
    await load.progress(3)
  })

  it('seals within half a minute whatever it acknowledged, and has lost and doubled nothing', async () => {
    await load.stop()
    const acknowledged = new Set(load.acknowledged.map((one) => one.location))
    expect(load.retries).toBeGreaterThan(0)
    await expect.poll(waiting, { timeout: SEALED_WITHIN_MS, interval: 500 }).toBe(0)
    const stored = await storedVersions()
    expect(stored.length).toBe(acknowledged.size)
    expect(load.acknowledged.length).toBe(acknowledged.size)
    expect(stored.filter((location) => ![...acknowledged].some((one) => one.endsWith(location)))).toEqual([])
  })

  it.each(['verify', 'fsck'])('is clean by careseal %s', async (command) => {
    const ended = await careseal([command, '--data-dir', folder.path])
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
  })
})

async function query<Row extends object>(text: string): Promise<Row[]> {
  const client = new Client({ connectionString: stack.state().postgres })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

/** Events that no producer knows to be sealed, and events that a projection has not read. */
async function waiting(): Promise<number> {
  const unsealed = ['identity', 'consent', 'records', 'audit'].map(
    (name) => `(SELECT count(*) FROM ${name}.event) - (SELECT coalesce(sum(count), 0) FROM ${name}.sealed)`,
  )
  const unread = `(SELECT coalesce(sum(h.last_seq - p.seq), 0) FROM audit.projection_position p JOIN (
    SELECT * FROM identity.relay_head UNION ALL SELECT * FROM consent.relay_head
    UNION ALL SELECT * FROM records.relay_head UNION ALL SELECT * FROM audit.relay_head) h USING (producer))`
  const [row] = await query<{ waiting: string }>(`SELECT ${[...unsealed, unread].join(' + ')} AS waiting`)
  return Number(row?.waiting)
}

async function storedVersions(): Promise<string[]> {
  const rows = await query<{ location: string }>(
    `SELECT type || '/' || id || '/_history/' || version_id AS location FROM records.version`,
  )
  return rows.map((row) => row.location)
}
