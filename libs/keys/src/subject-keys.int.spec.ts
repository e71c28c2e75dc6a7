import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { randomBytes, randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { allBuried, keysEverOf, keySchemaSql, lockForErasure, SubjectKeys, type Kms } from './index.js'

let postgres: RunningPostgres
let adminUrl: string
let serviceUrl: string
const clients: Client[] = []

const kms: Kms = {
  keyId: 'test',
  wrap: async (key, aad) => Buffer.concat([key, aad]),
  unwrap: async (wrapped, aad) => {
    if (!Buffer.from(wrapped.subarray(32)).equals(aad)) throw new Error('moved')
    return wrapped.subarray(0, 32)
  },
}

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const urls = await provisionDatabase(postgres.url)
  const owner = await connect(urls.records.ownerUrl)
  await owner.query(keySchemaSql('records'))
  serviceUrl = urls.records.url
  adminUrl = new URL('/careseal', postgres.url).href
})
afterEach(async () => {
  vi.useRealTimers()
  for (const client of clients.splice(0)) await client.end()
})
afterAll(() => postgres.stop())

async function connect(url = serviceUrl): Promise<Client> {
  const client = new Client(url)
  await client.connect()
  clients.push(client)
  return client
}

async function eraser(): Promise<Client> {
  const client = await connect(adminUrl)
  await client.query('SET ROLE records_eraser')
  await client.query('SET search_path = records, records_keys')
  return client
}

function subjectKeys(options: { cacheTtlMs?: number } = {}): SubjectKeys {
  return new SubjectKeys({ kms, randomBytes, randomUuid: randomUUID, ...options })
}

async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

const unnamed = (subjectId: string) => [{ subjectId, key: null }]

const create = { create: true }
const existing = { create: false }

describe('subject keys', () => {
  it('are made on first use and found again by another process', async () => {
    const client = await connect()
    const subjects = [randomUUID(), randomUUID()]
    const made = await inTransaction(client, () => subjectKeys().acquire(client, [...subjects, subjects[0]!], create))
    const found = await inTransaction(client, () => subjectKeys().acquire(client, subjects, existing))
    expect([...made.keys()].toSorted()).toEqual(subjects.toSorted())
    for (const subject of subjects) expect(found.get(subject)).toEqual(made.get(subject))
    expect(made.get(subjects[0]!)!.key).not.toEqual(made.get(subjects[1]!)!.key)
  })

  it('stay absent when nobody asked to create them', async () => {
    const client = await connect()
    const found = await inTransaction(client, () => subjectKeys().acquire(client, [randomUUID()], existing))
    expect(found.size).toBe(0)
  })

  it('are made for no other spelling of an id', async () => {
    const client = await connect()
    const subject = randomUUID()
    await inTransaction(client, () => subjectKeys().acquire(client, [subject], create))
    const again = subjectKeys().acquire(client, [subject.toUpperCase()], create)
    await expect(again).rejects.toThrow(/lower case/)
    expect((await subjectKeys().acquire(client, [subject.toUpperCase()], existing)).size).toBe(0)
  })

  it('are made once when two transactions meet the subject for the first time together', async () => {
    const [one, two] = [await connect(), await connect()]
    const subjects = Array.from({ length: 20 }, () => randomUUID())
    const keys = subjectKeys()
    const [a, b] = await Promise.all([
      inTransaction(one, () => keys.acquire(one, subjects, create)),
      inTransaction(two, () => keys.acquire(two, subjects.toReversed(), create)),
    ])
    for (const subject of subjects) expect(a.get(subject)).toEqual(b.get(subject))
  })

  it('do not unwrap in another subject’s row', async () => {
    const [client, admin] = [await connect(), await connect(adminUrl)]
    const [victim, thief] = [randomUUID(), randomUUID()]
    await inTransaction(client, () => subjectKeys().acquire(client, [victim, thief], create))
    await admin.query(
      `UPDATE records_keys.subject_key SET wrapped =
         (SELECT wrapped FROM records_keys.subject_key WHERE subject_id = $1) WHERE subject_id = $2`,
      [victim, thief],
    )
    await expect(subjectKeys().acquire(client, [thief], existing)).rejects.toThrow('moved')
  })

  it('keep older versions open after a rotation, and write under the new one', async () => {
    const client = await connect(adminUrl)
    await client.query('SET search_path = records, records_keys')
    const subject = randomUUID()
    const keys = subjectKeys()
    const old = (await keys.acquire(client, [subject], create)).get(subject)!
    await inTransaction(client, () => keys.rotate(client, subject))
    const current = (await keys.acquire(client, [subject], existing)).get(subject)!
    expect(current.keyVersion).toBe(2)
    const versions = await keys.acquireVersions(client, [old.keyId, current.keyId, randomUUID()])
    expect([...versions.values()]).toEqual(expect.arrayContaining([old, current]))
    expect(versions.size).toBe(2)
  })
})

describe('an erased subject', () => {
  it('opens in no new transaction, not even through a warm cache', async () => {
    const client = await connect()
    const subject = randomUUID()
    const keys = subjectKeys()
    const key = (await keys.acquire(client, [subject], create)).get(subject)!
    const erasing = await eraser()
    const gone = await inTransaction(erasing, () => subjectKeys().destroy(erasing, unnamed(subject)))
    expect(gone.keyIds).toEqual([key.keyId])
    await expect(keys.acquire(client, [subject], create)).rejects.toThrow(/erased/)
    expect((await keys.acquire(client, [subject], { create: true, erased: 'omit' })).size).toBe(0)
    expect((await keys.acquireVersions(client, [key.keyId])).size).toBe(0)
  })

  it('leaves no wrapped key behind, only tombstones', async () => {
    const [client, erasing] = [await connect(), await eraser()]
    const subject = randomUUID()
    await subjectKeys().acquire(client, [subject], create)
    await inTransaction(erasing, () => subjectKeys().destroy(erasing, unnamed(subject)))
    await inTransaction(erasing, () => subjectKeys().destroy(erasing, unnamed(subject)))
    const { rows } = await client.query('SELECT 1 FROM subject_key WHERE subject_id = $1', [subject])
    expect(rows).toEqual([])
    expect(await keysEverOf(erasing, [subject])).toEqual([{ subjectId: subject, key: expect.any(Object) }])
  })

  it('stays erased although the service never met it before', async () => {
    const [client, erasing] = [await connect(), await eraser()]
    const subject = randomUUID()
    expect((await inTransaction(erasing, () => subjectKeys().destroy(erasing, unnamed(subject)))).keyIds).toEqual([])
    await expect(subjectKeys().acquire(client, [subject], create)).rejects.toThrow(/erased/)
  })

  it('has a tombstone also for a key that this copy of the schema never held', async () => {
    const erasing = await eraser()
    const buried = { subjectId: randomUUID(), key: { id: randomUUID(), version: 2 } }
    await inTransaction(erasing, () => subjectKeys().destroy(erasing, [buried]))
    expect(await keysEverOf(erasing, [buried.subjectId])).toEqual([buried])
    expect(await allBuried(erasing)).toContainEqual(buried)
  })

  it('is told with all keys that it had, before anything of it is destroyed', async () => {
    const [admin, erasing] = [await connect(adminUrl), await eraser()]
    await admin.query('SET search_path = records, records_keys')
    const [known, stranger] = [randomUUID(), randomUUID()]
    await subjectKeys().acquire(admin, [known], create)
    await subjectKeys().rotate(admin, known)
    const told = await inTransaction(erasing, async () => {
      await lockForErasure(erasing, [known, stranger])
      return keysEverOf(erasing, [known, stranger])
    })
    const versions = told.map(({ subjectId, key }) => [subjectId, key?.version ?? null])
    expect(versions).toEqual([
      [known, 1],
      [known, 2],
      [stranger, null],
    ])
  })

  it('waits for who is using the key, and is refused to whoever comes later', async () => {
    const [using, erasing, later] = [await connect(), await eraser(), await connect()]
    const subject = randomUUID()
    const keys = subjectKeys()
    await keys.acquire(using, [subject], create)
    await using.query('BEGIN')
    await keys.acquire(using, [subject], existing)
    let erased = false
    const erasure = inTransaction(erasing, () => keys.destroy(erasing, unnamed(subject))).then(() => (erased = true))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(erased).toBe(false)
    await using.query('COMMIT')
    await erasure
    await expect(keys.acquire(later, [subject], create)).rejects.toThrow(/erased/)
  })

  it('is seen as erased by whoever waited for the erasure', async () => {
    const [client, erasing] = [await connect(), await eraser()]
    const subject = randomUUID()
    const keys = subjectKeys()
    await keys.acquire(client, [subject], create)
    await erasing.query('BEGIN')
    await subjectKeys().destroy(erasing, unnamed(subject))
    const committed = new Promise((resolve) => setTimeout(resolve, 200)).then(() => erasing.query('COMMIT'))
    await expect(keys.acquire(client, [subject], existing)).rejects.toThrow(/erased/)
    await committed
  })

  it('cannot be brought back, by the service or by the eraser', async () => {
    const [client, erasing] = [await connect(), await eraser()]
    const subject = randomUUID()
    await inTransaction(erasing, () => subjectKeys().destroy(erasing, unnamed(subject)))
    const revive = `UPDATE subject SET state = 'active' WHERE subject_id = $1`
    await expect(client.query(revive, [subject])).rejects.toThrow(/permission denied/)
    await expect(erasing.query(revive, [subject])).rejects.toThrow(/stays erased/)
    await expect(client.query('DELETE FROM subject WHERE subject_id = $1', [subject])).rejects.toThrow(/permission/)
  })

  it('cannot be erased by the service itself', async () => {
    const client = await connect()
    const subject = randomUUID()
    await subjectKeys().acquire(client, [subject], create)
    await expect(subjectKeys().destroy(client, unnamed(subject))).rejects.toThrow(/permission denied/)
  })
})

describe('a key schema put back beneath a running process', () => {
  it('opens nobody whom this process was told to forget, known to the copy or not', async () => {
    const client = await connect()
    const [known, stranger, other] = [randomUUID(), randomUUID(), randomUUID()]
    const keys = subjectKeys()
    const found = await keys.acquire(client, [known, other], create)
    const { keyId } = found.get(known)!
    keys.forget([{ subjectId: known, key: { id: keyId, version: 1 } }, ...unnamed(stranger)])
    await expect(keys.acquire(client, [known], existing)).rejects.toThrow(/erased/)
    await expect(keys.acquire(client, [stranger], create)).rejects.toThrow(/erased/)
    expect((await keys.acquireVersions(client, [keyId])).size).toBe(0)
    const omitted = await keys.acquire(client, [known, stranger, other], { create: true, erased: 'omit' })
    expect([...omitted.keys()]).toEqual([other])
  })
})

describe('the cache of plaintext keys', () => {
  it('forgets a key when its time is over', async () => {
    const client = await connect()
    const subject = randomUUID()
    const unwrap = vi.spyOn(kms, 'unwrap')
    const keys = subjectKeys({ cacheTtlMs: 40 })
    await keys.acquire(client, [subject], create)
    await keys.acquire(client, [subject], existing)
    expect(unwrap).toHaveBeenCalledTimes(1)
    await new Promise((resolve) => setTimeout(resolve, 80))
    await keys.acquire(client, [subject], existing)
    expect(unwrap).toHaveBeenCalledTimes(2)
    unwrap.mockRestore()
  })

  it('may not last longer than 30 seconds', () => {
    expect(() => subjectKeys({ cacheTtlMs: 30_001 })).toThrow(/at most 30 seconds/)
  })
})
