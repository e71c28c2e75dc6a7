import { sha256 } from '@careseal/crypto'
import { undeclaredRoutes } from '@careseal/authz'
import { jetstreamManager } from '@nats-io/jetstream'
import { parseCheckpoint, parseNote, parseTlogProof, verifyCheckpoint } from '@careseal/ledger-core'
import { leafHash, partialTiles, tilePath, verifyInclusion, type Hash } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'
import { verifyEd25519 } from '@careseal/cosigner'

let database: LedgerDatabase
let app: RunningApp
const records = new ChainWriter(ORIGIN, 'records')
const consent = new ChainWriter(ORIGIN, 'consent')

beforeAll(async () => {
  database = await startLedgerDatabase()
  app = await RunningApp.start(database)
  app.answerFor(records)
  app.answerFor(consent)
  await eventually(async () => (await app.get('/readyz')).ok)
})
afterAll(async () => {
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

async function json<T>(path: string): Promise<T> {
  const response = await app.get(path)
  expect([path, response.status]).toEqual([path, 200])
  return (await response.json()) as T
}

async function problem(path: string): Promise<{ status: number; code: string; detail: string }> {
  const response = await app.get(path)
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  return (await response.json()) as { status: number; code: string; detail: string }
}

type Entries = { entries: { index: number; bytes: string }[]; next: number | null; treeSize: number }

async function allEntries(): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for (let from: number | null = 0; from !== null;) {
    const page: Entries = await json<Entries>(`/ledger/entries?from=${from}&limit=333`)
    entries.push(...page.entries.map(({ bytes }) => Buffer.from(bytes, 'base64')))
    from = page.next
  }
  return entries
}

async function published(): Promise<{ size: number; root: Hash; note: string }> {
  const note = await (await app.get('/ledger/checkpoint')).text()
  return { ...parseCheckpoint(parseNote(note).text), note }
}

async function sealedAndPublished(leafCount: number): Promise<void> {
  await app.ledger.sealed(leafCount)
  await eventually(async () => (await published()).size === (await app.ledger.head()).treeSize)
}

describe('from the stream to the ledger', () => {
  it('events are sealed, whatever the broker lost, repeated or reordered', async () => {
    const events = records.write(300)
    await app.publish([...events.slice(200), ...events.slice(0, 50), ...events.slice(40, 90)])
    await app.publish(consent.write(20))
    await sealedAndPublished(320)
    const producer = await json('/ledger/producers/records')
    const lastLink = records.events.at(-1)?.link
    expect(producer).toEqual({ producer: 'records', latest: 'records', lastSeq: 300, lastLink })
    const { producers } = await json<{ producers: { producer: string }[] }>('/ledger/producers')
    expect(producers.map((one) => one.producer)).toContain('consent')
  })

  it('events are sealed after all of the broker’s data was wiped', async () => {
    records.write(250)
    const manager = await jetstreamManager(app.nats)
    await manager.streams.delete('EVENTS')
    await sealedAndPublished(570)
    expect(await json('/ledger/producers/records')).toMatchObject({ lastSeq: 550 })
  })

  it('a producer whose own answer contradicts what was sealed is frozen, and the others go on', async () => {
    const forged = new ChainWriter(ORIGIN, 'audit', 'first story')
    const retold = new ChainWriter(ORIGIN, 'audit', 'second story')
    app.answerFor(forged)
    forged.write(3)
    await app.ledger.sealed(573)
    forged.events.splice(0, 3, ...retold.write(6))
    await eventually(
      async () => 'audit' in (await json<{ frozenProducers: object }>('/ledger/status')).frozenProducers,
      20_000,
    )
    expect(await app.metrics()).toMatch(/careseal_ledger_frozen_producers\{.*\} 1/)
    await app.publish(consent.write(5))
    await sealedAndPublished(578)
  }, 40_000)
})

describe('what the ledger serves', () => {
  it('every tile and bundle of the published tree, as its entries make them', async () => {
    const { size, root } = await published()
    const entries = (await allEntries()).slice(0, size)
    const hashes = entries.map((bytes) => leafHash(sha256, bytes))
    expect(Buffer.from(naiveRoot(sha256, hashes)).equals(Buffer.from(root))).toBe(true)
    const full = Array.from({ length: Math.floor(size / 256) }, (_, index) => ({ level: 0, index, width: 256 }))
    expect(full.length).toBeGreaterThan(1)
    for (const tile of [...full, ...partialTiles(size)]) {
      const path = tilePath(tile)
      const response = await app.get(`/ledger/${path}`)
      expect([path, response.status]).toEqual([path, 200])
      expect(response.headers.get('cache-control')).toContain('immutable')
      const span = 256 ** (tile.level as number)
      const expected = Array.from({ length: tile.width }, (_, i) => {
        const start = (Number(tile.index) * 256 + i) * span
        return naiveRoot(sha256, hashes.slice(start, start + span))
      })
      expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.concat(expected))).toBe(true)
    }
    for (const tile of [...full, ...partialTiles(size).filter(({ level }) => level === 0)]) {
      const response = await app.get(`/ledger/${tilePath({ ...tile, level: 'entries' })}`)
      expect(response.headers.get('content-encoding')).toBe('gzip')
      const start = Number(tile.index) * 256
      const expected = entries.slice(start, start + tile.width).flatMap((bytes) => [lengthOf(bytes), bytes])
      expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.concat(expected))).toBe(true)
    }
  })

  it('partial tiles of smaller trees, cut from what is there now', async () => {
    const whole = Buffer.from(await (await app.get('/ledger/tile/0/000')).arrayBuffer())
    const part = Buffer.from(await (await app.get('/ledger/tile/0/000.p/7')).arrayBuffer())
    expect(part.equals(whole.subarray(0, 7 * 32))).toBe(true)
  })

  it('bundles without compression to those who do not ask for it', async () => {
    const response = await app.get('/ledger/tile/entries/000', { 'accept-encoding': 'identity' })
    expect(response.headers.get('content-encoding')).toBeNull()
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(256 * 100)
  })

  it('a checkpoint and proof files that verify with the key that it names', async () => {
    const vkey = (await (await app.get('/ledger/vkey')).text()).trim()
    const { size, root, note } = await published()
    await verifyCheckpoint(note, { logVkeys: [vkey] }, { sha256, verifyEd25519 })
    const entries = await allEntries()
    for (const index of [0, 1, 2, 255, 256, size - 1]) {
      const file = parseTlogProof(await (await app.get(`/ledger/proof/tlog?index=${index}`)).text())
      const given = { index, size, leafHash: leafHash(sha256, entries[index]!), proof: file.proof, root }
      expect(file.checkpoint).toBe(note)
      expect(verifyInclusion(sha256, given)).toBe(true)
    }
  })

  it('blocks page by page, each naming the one before', async () => {
    type Blocks = { blocks: { height: number; hash: string; header: string }[]; next: number | null }
    let before = '0'.repeat(64)
    let height = 0
    for (let from: number | null = 0; from !== null;) {
      const page: Blocks = await json<Blocks>(`/ledger/blocks?from=${from}&limit=5`)
      for (const block of page.blocks) {
        const { block: header } = JSON.parse(Buffer.from(block.header, 'base64').toString()) as {
          block: { prevHash: string; height: number }
        }
        expect([header.prevHash, header.height]).toEqual([before, height])
        before = block.hash
        height += 1
      }
      from = page.next
    }
    expect(height).toBe((await app.ledger.head()).height + 1)
    expect(await json(`/ledger/blocks/${height - 1}`)).toMatchObject({ hash: before })
  })

  it('its metrics', async () => {
    const text = await app.metrics()
    const sizes = ['height', 'tree_size', 'signed_size', 'published_size', 'epoch', 'frozen_producers']
    const ages = ['unsealed_age_seconds', 'unpublished_age_seconds', 'signer_silent_seconds']
    for (const name of [...sizes, ...ages, 'waiting_for_witnesses', 'rollback_detected']) {
      expect(text).toMatch(new RegExp(`^careseal_ledger_${name}(\\{.*\\})? \\d`, 'm'))
    }
    expect(text).toContain('careseal_ledger_block_seconds_bucket')
    expect(text).toContain('careseal_ledger_seal_seconds_bucket')
    expect(text).toContain('careseal_ledger_entries_per_block_bucket')
  })
})

describe('refusals', () => {
  it.each([
    ['/ledger/blocks/99999', 404, 'block-unknown', 'There is no block 99999'],
    ['/ledger/blocks/-1', 400, 'invalid-request', 'must be a decimal number'],
    ['/ledger/blocks?limit=0', 400, 'invalid-request', 'must be from 1 to 1000'],
    ['/ledger/blocks?limit=x', 400, 'invalid-request', 'must be a decimal number'],
    ['/ledger/blocks?form=1', 400, 'invalid-request', 'form'],
    ['/ledger/entries?from=01', 400, 'invalid-request', 'must be a decimal number'],
    ['/ledger/proof/inclusion?index=99999', 404, 'index-beyond-size', 'Index 99999 is beyond the tree of size'],
    ['/ledger/proof/inclusion', 400, 'invalid-request', 'index'],
    ['/ledger/proof/inclusion?index=0&size=99999', 404, 'size-beyond-checkpoint', 'it is 99999'],
    ['/ledger/proof/inclusion?index=0&size=0', 400, 'size-beyond-checkpoint', 'it is 0'],
    ['/ledger/proof/inclusion?index=5&size=5', 404, 'index-beyond-size', 'its last index is 4'],
    ['/ledger/proof/consistency?old=0', 400, 'old-size-out-of-range', 'it is 0'],
    ['/ledger/proof/consistency?old=9&new=8', 400, 'old-size-out-of-range', 'from 1 to 8'],
    ['/ledger/proof/tlog?index=99999', 404, 'index-beyond-size', 'Index 99999'],
    ['/ledger/tile/0/999', 404, 'tile-beyond-checkpoint', 'has no such tile'],
    ['/ledger/tile/0/000.p/256', 400, 'no-tile-path', 'no path of a tile'],
    ['/ledger/tile/64/000', 400, 'no-tile-path', 'no path of a tile'],
    ['/ledger/tile/entries/x001/000', 404, 'tile-beyond-checkpoint', 'has no such tile'],
    ['/ledger/producers/nobody', 404, 'producer-not-admitted', 'No producer of this name'],
    ['/ledger/producers/No.Body', 400, 'invalid-request', 'is no producer name'],
  ])('%s answers %i %s', async (path, status, code, detail) => {
    const found = await problem(path)
    expect(found).toMatchObject({ status, code })
    expect(found.detail).toContain(detail)
  })

  it('there is no route that says nothing of who may call it', () => {
    expect(undeclaredRoutes(app.application.app)).toEqual([])
  })
})

describe('a ledger that was rolled back', () => {
  it('says so everywhere, confirms nobody, and still shows what it has', async () => {
    const { ledger } = app
    await app.stop()
    await database.backUp()
    app = await RunningApp.start(database, ledger)
    app.answerFor(consent)
    await app.publish(consent.write(10))
    await sealedAndPublished(588)
    await app.stop()
    await database.restore()
    app = await RunningApp.start(database, ledger)
    await eventually(async () => (await json<{ state: string }>('/ledger/status')).state === 'halted')
    expect((await app.get('/readyz')).status).toBe(503)
    expect((await app.get('/livez')).status).toBe(200)
    expect(await problem('/ledger/producers/consent')).toMatchObject({ status: 503, code: 'rollback-detected' })
    for (const path of [
      'checkpoint',
      'proof/tlog?index=0',
      'proof/inclusion?index=0',
      'proof/consistency?old=2',
      'feed',
    ]) {
      expect(await problem(`/ledger/${path}`)).toMatchObject({ status: 503, code: 'rollback-detected' })
    }
    for (const path of ['proof/inclusion?index=0&size=2', 'tile/entries/000']) {
      expect((await app.get(`/ledger/${path}`)).status).toBe(200)
    }
    expect(await app.metrics()).toMatch(/careseal_ledger_rollback_detected(\{.*\})? 1/)
    expect(await allEntries()).toHaveLength((await ledger.head()).treeSize)
  }, 60_000)
})

function lengthOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(bytes.length >> 8, bytes.length & 255)
}
