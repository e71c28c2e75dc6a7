import type { Tombstone } from '@careseal/contracts'
import * as fc from 'fast-check'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, rmdir, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TombstoneStore } from './tombstone-store.js'

const SERVICE = 'records'
const LINES = 'tombstones.jsonl'
const HEAD = 'tombstones-head.json'
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'careseal-tombstones-'))
  await TombstoneStore.create(dir)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const tombstone = (number: number): Tombstone => ({ subjectId: idOf(number), key: { id: idOf(number), version: 1 } })
const ofNobody = (number: number): Tombstone => ({ subjectId: idOf(number), key: null })
const path = (file: string) => join(dir, file)

async function stored(service = SERVICE): Promise<Tombstone[]> {
  return (await TombstoneStore.open(dir)).list(service, 0, 10_000).tombstones
}

describe('the signer’s tombstones', () => {
  it('are there after a restart, in the order of their coming, each once', async () => {
    const store = await TombstoneStore.open(dir)
    await store.add(SERVICE, [tombstone(2), ofNobody(1)])
    await store.add(SERVICE, [ofNobody(1), tombstone(2), tombstone(3)])
    expect(await stored()).toEqual([tombstone(2), ofNobody(1), tombstone(3)])
    expect((await stat(path(LINES))).mode & 0o777).toBe(0o600)
  })

  it('are told to the service that they belong to alone', async () => {
    const store = await TombstoneStore.open(dir)
    await store.add('records', [tombstone(1)])
    await store.add('consent', [tombstone(1)])
    expect(store.list('consent', 0, 10).tombstones).toEqual([tombstone(1)])
    expect(store.list('audit', 0, 10)).toEqual({ tombstones: [], next: null })
  })

  it('are listed in pages', async () => {
    const store = await TombstoneStore.open(dir)
    const all = Array.from({ length: 7 }, (_, number) => tombstone(number))
    await store.add(SERVICE, all)
    expect(store.list(SERVICE, 0, 3)).toEqual({ tombstones: all.slice(0, 3), next: 3 })
    expect(store.list(SERVICE, 3, 4)).toEqual({ tombstones: all.slice(3), next: null })
    expect(store.list(SERVICE, 7, 4)).toEqual({ tombstones: [], next: null })
  })

  it('that come together share a write, and each is told when all of them are durable', async () => {
    const store = await TombstoneStore.open(dir)
    const writing = vi.spyOn(store as unknown as { write: (text: Buffer) => Promise<void> }, 'write')
    await Promise.all(Array.from({ length: 50 }, (_, number) => store.add(SERVICE, [tombstone(number)])))
    expect(writing.mock.calls.length).toBeLessThanOrEqual(2)
    expect(await stored()).toHaveLength(50)
  })

  it('are kept where another process has added some since the store was opened', async () => {
    const [deposed, successor] = [await TombstoneStore.open(dir), await TombstoneStore.open(dir)]
    await deposed.add(SERVICE, [tombstone(1)])
    await successor.add(SERVICE, [tombstone(2)])
    await Promise.all([deposed.add(SERVICE, [tombstone(3)]), successor.add(SERVICE, [tombstone(4)])])
    const ids = (await stored()).map(({ subjectId }) => subjectId)
    expect(ids.toSorted()).toEqual([1, 2, 3, 4].map(idOf))
  })

  it('are not told while the disk refuses them, and are kept once it takes them again', async () => {
    const store = await TombstoneStore.open(dir)
    await store.add(SERVICE, [tombstone(1)])
    await rename(path(HEAD), path('aside'))
    await mkdir(path(HEAD))
    await expect(store.add(SERVICE, [tombstone(2)])).rejects.toThrow('EISDIR')
    expect(store.list(SERVICE, 0, 10).tombstones).toEqual([tombstone(1)])
    await rmdir(path(HEAD))
    await rename(path('aside'), path(HEAD))
    await store.add(SERVICE, [tombstone(3)])
    expect(await stored()).toEqual([tombstone(1), tombstone(3)])
  })

  it('that were written though a failure was told are found again, and made durable before they are counted on', async () => {
    const store = await TombstoneStore.open(dir)
    const work = store as unknown as { commit: (group: unknown) => Promise<void> }
    const commit = work.commit.bind(store)
    vi.spyOn(work, 'commit').mockImplementationOnce(async (group) => {
      await commit(group)
      throw new Error('EIO')
    })
    await expect(store.add(SERVICE, [tombstone(1)])).rejects.toThrow('EIO')
    await store.add(SERVICE, [tombstone(1), tombstone(2)])
    expect(await stored()).toEqual([tombstone(1), tombstone(2)])
  })
})

describe('a store that is not what was acknowledged', () => {
  beforeEach(async () => (await TombstoneStore.open(dir)).add(SERVICE, [tombstone(1), tombstone(2)]))

  it.each([LINES, HEAD])('is refused without its %s', async (file) => {
    await rm(path(file))
    await expect(TombstoneStore.open(dir)).rejects.toMatchObject({ code: 'tombstones-missing' })
  })

  it('is refused when a line was cut off, at its end too', async () => {
    const lines = await readFile(path(LINES), 'utf8')
    await truncate(path(LINES), lines.indexOf('\n') + 1)
    await expect(TombstoneStore.open(dir)).rejects.toMatchObject({ code: 'tombstones-broken' })
  })

  it('is refused when a byte was altered, and says no subject’s id', async () => {
    const lines = await readFile(path(LINES), 'utf8')
    await writeFile(path(LINES), lines.replace(idOf(1), idOf(9)))
    const error = await TombstoneStore.open(dir).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'tombstones-broken' })
    expect((error as Error).message).not.toContain(idOf(9))
  })

  it.each(['', '{"v":1', '{"v":2,"bytes":0,"sha256":""}'])('is refused with a head that reads %s', async (head) => {
    await writeFile(path(HEAD), head)
    await expect(TombstoneStore.open(dir)).rejects.toMatchObject({ code: 'tombstones-broken' })
  })

  it('is not replaced by making it again', async () => {
    await TombstoneStore.create(dir)
    expect(await stored()).toHaveLength(2)
  })
})

describe('a crash at any byte of a write', () => {
  const batch = fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 2 })
  const history = fc.array(batch, { minLength: 1, maxLength: 4 })

  it('leaves what was acknowledged, and nothing that was not', async () => {
    await fc.assert(
      fc.asyncProperty(history, batch, async (before, last) => {
        const acknowledged = await written(before)
        const [head, length] = [await readFile(path(HEAD)), (await stat(path(LINES))).size]
        await (await TombstoneStore.open(dir)).add(SERVICE, last.map(tombstone))
        const whole = (await stat(path(LINES))).size
        await writeFile(path(HEAD), head)
        for (let cut = whole; cut >= length; cut--) {
          await truncate(path(LINES), cut)
          expect(await stored()).toEqual(acknowledged)
        }
        await appendFile(path(LINES), '["records","torn')
        await goesOn(acknowledged)
      }),
      { numRuns: 4 },
    )
  })
})

/** Each batch acknowledged in turn, in an empty store; a naive list without doubles is the oracle. */
async function written(batches: number[][]): Promise<Tombstone[]> {
  await rm(path(LINES))
  await rm(path(HEAD))
  await TombstoneStore.create(dir)
  const store = await TombstoneStore.open(dir)
  for (const numbers of batches) await store.add(SERVICE, numbers.map(tombstone))
  return [...new Set(batches.flat())].map(tombstone)
}

/** What comes after the crash is written over the torn line, whatever the lengths of the two. */
async function goesOn(acknowledged: Tombstone[]): Promise<void> {
  const store = await TombstoneStore.open(dir)
  await store.add('consent', [ofNobody(1)])
  expect(await stored()).toEqual(acknowledged)
  expect(await stored('consent')).toEqual([ofNobody(1)])
}
