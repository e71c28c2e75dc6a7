import { parseEventBody } from '@careseal/contracts'
import { deriveTagKey, eventCommitment, hex, tagOf } from '@careseal/crypto'
import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import * as fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NewEvent, OpenedEvent } from './event.js'
import {
  DEPLOYMENT,
  inTransaction,
  memoryStore,
  PRODUCER,
  searchPerformed,
  testDatabase,
  type TestDatabase,
} from './testing/store.fixture.js'

let postgres: RunningPostgres
let database: TestDatabase

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
})
beforeEach(() => database.empty())
afterAll(async () => {
  await database.end()
  await postgres.stop()
})

const { store, keys } = memoryStore()
const append = (events: NewEvent[]) => inTransaction(database.pool, (sql) => store.append(sql, events))
const open = async (eventId: string) =>
  (await inTransaction(database.pool, (sql) => store.open(sql, eventId))) as OpenedEvent

async function rowsOf<R extends object>(text: string): Promise<R[]> {
  return (await database.pool.query<R>(text)).rows
}

describe('append', () => {
  it('keeps each stream’s order without a gap, in two statements for hundreds of events', async () => {
    const streams = Array.from({ length: 60 }, () => `search-${randomUUID()}`)
    const events = Array.from({ length: 420 }, (_, n) => searchPerformed({ streamId: streams[(n * 7) % 60]! }))
    const appended = await inTransaction(database.pool, async (sql) => {
      const query = vi.spyOn(sql, 'query')
      const result = await store.append(sql, events)
      expect(query.mock.calls.length).toBe(2)
      query.mockRestore()
      return result
    })
    expect(appended.map((event) => event.id)).toHaveLength(420)
    for (const streamId of streams) {
      const stored = await inTransaction(database.pool, (sql) => store.load(sql, streamId))
      const expected = appended.filter((_, n) => events[n]!.streamId === streamId)
      expect(stored.map((event) => event.id)).toEqual(expected.map((event) => event.id))
      expect(stored.map((event) => event.streamVersion)).toEqual(expected.map((_, n) => n + 1))
    }
  })

  it('that expects two versions of one stream conflicts, and leaves stream and counter where they were', async () => {
    const [streamId, subjectId] = [`search-${randomUUID()}`, randomUUID()]
    const event = (expectedVersion: number) => searchPerformed({ streamId, subjectId, expectedVersion })
    await append([event(0)])
    const before = await rowsOf('SELECT (SELECT version FROM stream) AS version, (SELECT n FROM tag_counter) AS n')
    await inTransaction(database.pool, async (sql) => {
      await expect(store.append(sql, [event(1), event(0)])).rejects.toMatchObject({
        code: 'version-conflict',
        streamId,
      })
    })
    expect(before).toEqual([{ version: '1', n: '1' }])
    expect(await rowsOf('SELECT (SELECT version FROM stream) AS version, (SELECT n FROM tag_counter) AS n')).toEqual(
      before,
    )
  })

  it('stores a canonical body with the transaction’s time and no undefined members', async () => {
    const [time] = await inTransaction(database.pool, async (sql) => {
      const event = searchPerformed({ private: { query: 'code=1' } })
      const [appended] = await store.append(sql, [{ ...event, data: { ...event.data, memberId: undefined } }])
      const { rows } = await sql.query<{ now: Date }>(`SELECT date_trunc('milliseconds', now()) AS now`)
      const body = parseEventBody(appended!.body)
      expect(body).toMatchObject({ id: appended!.id, type: 'SearchPerformed', schemaVersion: 1, time: appended!.time })
      expect(body.content).toMatch(/^[0-9a-f]{64}$/)
      expect(body.data).not.toHaveProperty('memberId')
      return [[appended!.time, rows[0]!.now.toISOString()]] as const
    })
    expect(time[0]).toBe(time[1])
  })

  it('opens what it sealed, and the commitment verifies with the opening', async () => {
    const personal = { query: 'name=x', nested: [1, null, { a: 'é' }] }
    const [one, two] = await append([searchPerformed({ private: personal }), searchPerformed({ subjectId: null })])
    const opened = await open(one!.id)
    expect(opened.private).toEqual(personal)
    const { rows } = await database.pool.query<{ commitment: Buffer }>(
      'SELECT commitment FROM outbox JOIN event ON pk = event_pk ORDER BY event_pk',
    )
    expect(hex(rows[0]!.commitment)).toBe(hex(eventCommitment(opened.opening, opened.type, opened.body)))
    expect(await open(two!.id)).toMatchObject({ subjectId: DEPLOYMENT, private: null })
  })

  it('gives each event an opening of its own, in one batch and over many', async () => {
    const subjectId = randomUUID()
    const batches = [3, 1, 2].map((count) => Array.from({ length: count }, () => searchPerformed({ subjectId })))
    const openings = new Set<string>()
    for (const batch of batches) for (const { id } of await append(batch)) openings.add(hex((await open(id)).opening))
    expect(openings.size).toBe(6)
  })

  it('takes a commitment that the caller made', async () => {
    const root = new Uint8Array(32).fill(7)
    const [event] = await append([searchPerformed({ content: root })])
    expect(parseEventBody(event!.body).content).toBe(hex(root))
  })

  it('refuses data that contracts do not know, and writes nothing', async () => {
    const event = searchPerformed()
    const wrong = { ...event, data: { ...event.data, free: 'text' } } as NewEvent
    await expect(append([searchPerformed(), wrong])).rejects.toThrow(/free/)
    expect(await rowsOf('SELECT 1 FROM event')).toEqual([])
  })
})

describe('a stream’s version', () => {
  it('lets one of many concurrent writers win', async () => {
    const streamId = `search-${randomUUID()}`
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => append([searchPerformed({ streamId, expectedVersion: 0 })])),
    )
    expect(tries.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    for (const lost of tries.filter((result) => result.status === 'rejected')) {
      expect(lost.reason).toMatchObject({ code: 'version-conflict' })
    }
  })

  it('is as before after a conflict, even if the caller goes on with the transaction', async () => {
    const [kept, moved] = [`search-${randomUUID()}`, `search-${randomUUID()}`]
    await append([searchPerformed({ streamId: kept })])
    await inTransaction(database.pool, async (sql) => {
      const batch = [searchPerformed({ streamId: moved }), searchPerformed({ streamId: kept, expectedVersion: 0 })]
      await expect(store.append(sql, batch)).rejects.toThrow(/another version/)
      await store.append(sql, [searchPerformed({ streamId: kept, expectedVersion: 1 })])
    })
    expect(await rowsOf(`SELECT version FROM stream WHERE stream_id = '${moved}'`)).toEqual([{ version: '0' }])
    const stored = await inTransaction(database.pool, (sql) => store.load(sql, kept))
    expect(stored.map((event) => event.streamVersion)).toEqual([1, 2])
  })

  it('is gapless for writers that touch the same streams in different orders', async () => {
    const streams = Array.from({ length: 8 }, () => `search-${randomUUID()}`)
    const writers = Array.from({ length: 12 }, (_, n) => {
      const order = n % 2 === 0 ? streams : streams.toReversed()
      return append(order.map((streamId) => searchPerformed({ streamId, subjectId: DEPLOYMENT })))
    })
    await Promise.all(writers)
    const gaps = await rowsOf(
      `SELECT stream_id FROM event GROUP BY 1 HAVING max(stream_version) <> 12 OR count(*) <> 12`,
    )
    expect(gaps).toEqual([])
  })
})

describe('events', () => {
  it('are gone when the transaction rolls back', async () => {
    const doomed = inTransaction(database.pool, async (sql) => {
      await store.append(sql, [searchPerformed({ private: 'x' })])
      throw new Error('the command failed')
    })
    await expect(doomed).rejects.toThrow('the command failed')
    for (const table of ['event', 'event_private', 'outbox', 'stream', 'tag_counter']) {
      expect(await rowsOf(`SELECT 1 FROM ${table}`)).toEqual([])
    }
  })

  it('can be neither changed nor removed by the service, and a trigger refuses even the owner', async () => {
    await append([searchPerformed({ private: 'x' })])
    const [service, owner] = [await database.connect('service'), await database.connect('owner')]
    for (const change of [`UPDATE event SET body = ''`, 'DELETE FROM event', 'TRUNCATE event CASCADE']) {
      await expect(service.query(change)).rejects.toThrow(/permission denied/)
      await expect(owner.query(change)).rejects.toThrow(/insert-only/)
    }
    await expect(owner.query(`UPDATE event_private SET opening = ''`)).rejects.toThrow(/insert-only/)
  })

  it('lose their private part to the eraser alone, and then do not open', async () => {
    const [event] = await append([searchPerformed({ private: 'x' })])
    const [service, eraser] = [await database.connect('service'), await database.connect('eraser')]
    await expect(service.query('DELETE FROM event_private')).rejects.toThrow(/permission denied/)
    await expect(eraser.query('DELETE FROM event')).rejects.toThrow(/permission denied/)
    await eraser.query('DELETE FROM event_private')
    expect(await open(event!.id)).toEqual({ rejected: 'opening-destroyed' })
    expect(await open(randomUUID())).toEqual({ rejected: 'unknown-event' })
  })

  it('of an erased subject do not open, and no new one can be appended', async () => {
    const subjectId = randomUUID()
    const [event] = await append([searchPerformed({ subjectId })])
    keys.erase(subjectId)
    expect(await open(event!.id)).toEqual({ rejected: 'opening-destroyed' })
    await expect(append([searchPerformed({ subjectId })])).rejects.toThrow(/erased/)
  })
})

// The superuser plays an administrator who alters rows behind the triggers.
async function tamper(change: string): Promise<void> {
  const admin = await database.connect('admin')
  await admin.query('SET session_replication_role = replica')
  await admin.query(change)
}

describe('sealed columns', () => {
  it.each(['opening', 'ciphertext'])('refuse to open when one bit of %s is flipped', async (column) => {
    const [event] = await append([searchPerformed({ private: 'x' })])
    await tamper(
      `UPDATE event_private SET ${column} = set_bit(${column}, octet_length(${column}) * 4, 1 - get_bit(${column}, octet_length(${column}) * 4))`,
    )
    await expect(open(event!.id)).rejects.toThrow(/does not open/)
  })

  it.each(['opening', 'ciphertext', 'opening = o.opening, ciphertext'])(
    'refuse to open when %s is swapped with another event of the same subject',
    async (columns) => {
      const subjectId = randomUUID()
      const events = await append([
        searchPerformed({ subjectId, private: 1 }),
        searchPerformed({ subjectId, private: 2 }),
      ])
      const set = columns.includes('=') ? 'opening = o.opening, ciphertext = o.ciphertext' : `${columns} = o.${columns}`
      await tamper(`UPDATE event_private p SET ${set} FROM event_private o WHERE o.event_pk <> p.event_pk`)
      for (const event of events) await expect(open(event.id)).rejects.toThrow(/does not open/)
    },
  )

  it('refuse to open when the two columns of one event change places', async () => {
    const [event] = await append([searchPerformed({ private: 'x' })])
    await tamper('UPDATE event_private SET opening = ciphertext, ciphertext = opening')
    await expect(open(event!.id)).rejects.toThrow(/does not open/)
  })
})

const appendInTurn = async (sql: ClientBase, batches: string[][]) => {
  for (const batch of batches)
    await store.append(
      sql,
      batch.map((subjectId) => searchPerformed({ subjectId })),
    )
}

describe('tags', () => {
  const month = new Date().toISOString().slice(0, 7)
  const scan = (subjectId: string, upTo: number) => {
    const tagKey = deriveTagKey(keys.keyOf(subjectId).key, PRODUCER, subjectId, month)
    return Array.from({ length: upTo }, (_, n) => hex(tagOf(tagKey, n + 1)))
  }

  it('are exactly 1…N of each subject’s month, whatever the batches, and no two are alike', async () => {
    const batchesOf = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(batchesOf, async (batches) => {
        await database.empty()
        const subjects = Array.from({ length: 4 }, () => randomUUID())
        const named = batches.map((batch) => batch.map((n) => subjects[n]!))
        await inTransaction(database.pool, (sql) => appendInTurn(sql, named))
        const tags = (await rowsOf<{ tag: Buffer }>('SELECT tag FROM outbox')).map((row) => hex(row.tag))
        expect(new Set(tags).size).toBe(tags.length)
        for (const subject of subjects) {
          const count = named.flat().filter((id) => id === subject).length
          const found = scan(subject, count + 64).map((tag) => tags.includes(tag))
          expect(found).toEqual(found.map((_, n) => n < count))
        }
      }),
      { numRuns: 15 },
    )
  })

  it('stay unique when transactions append to one subject at the same time', async () => {
    const subjectId = randomUUID()
    await Promise.all(
      Array.from({ length: 15 }, () => append([searchPerformed({ subjectId }), searchPerformed({ subjectId })])),
    )
    const tags = (await rowsOf<{ tag: Buffer }>('SELECT tag FROM outbox')).map((row) => hex(row.tag))
    expect(tags.toSorted()).toEqual(scan(subjectId, 30).toSorted())
  })
})
