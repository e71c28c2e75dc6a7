// A ledger that is lost is put back from a mirror, block by block, and goes on as if nothing had been.
import { sha256 } from '@careseal/crypto'
import { formatBundle } from '@careseal/ledger-core'
import { tileAt, tilePath, type Tile } from '@careseal/merkle'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { eventually } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'
import { useWitnessedLedger } from './witnessed-ledger.js'
import { NO_POLICY } from '../src/cosigning/witness-policy.js'
import { recoverLedger, type RecoveryReport } from '../src/recovery/recover-ledger.js'
import { Signer } from '../src/signer/signer.js'
import { StoredTree } from '../src/tree/stored-tree.js'

const world = useWitnessedLedger()
let mirror: string

beforeEach(async () => {
  mirror = await mkdtemp(join(tmpdir(), 'careseal-mirror-'))
})
afterEach(() => rm(mirror, { recursive: true }))

/** What `careseal ledger export` and every mirror keep of the entries. */
async function writeMirror(): Promise<void> {
  const { size, note } = await world.ledger.published()
  const entries = await world.ledger.entries()
  for (let index = 0; index * 256 < size; index++) {
    const tile = tileAt(size, 'entries', index) as Tile
    const bundle = formatBundle(entries.slice(index * 256, index * 256 + tile.width))
    await put(tilePath(tile), bundle)
  }
  await put('checkpoint', note)
}

async function put(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(mirror, path)), { recursive: true })
  await writeFile(join(mirror, path), content)
}

async function storedTiles(): Promise<unknown[]> {
  return (await world.database.pool.query('SELECT * FROM tile ORDER BY level, index')).rows
}

/** The mirror over HTTP; the entries from the second bundle on come once `go` is resolved. */
async function serveMirror(go: Promise<void>): Promise<{ url: string; asked: Promise<void>; server: Server }> {
  const asked = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url?.includes('entries/001')) {
        asked.resolve()
        await go
      }
      const file = await readFile(join(mirror, String(request.url))).catch(() => null)
      response.writeHead(file ? 200 : 404).end(file)
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: asked.promise, server }
}

async function recover(policy = world.policy, from = mirror): Promise<RecoveryReport> {
  const { ledger, database } = world
  return recoverLedger({
    from,
    signer: await Signer.open(ledger.dir),
    databaseUrl: database.url,
    policy,
    deadlineMs: 1_000,
    onProgress: () => {},
  })
}

async function grownLedger(): Promise<void> {
  for (const count of [300, 5, 400]) await world.grow(count)
  const { deliver, sequencer } = await world.start({ batchMax: 100 })
  await deliver(new ChainWriter(ORIGIN, 'consent').write(50))
  await deliver(world.records.write(250))
  await sequencer.stop()
}

describe('a ledger that is put back from a mirror', () => {
  it('is the same, byte for byte, and goes on', async () => {
    await grownLedger()
    await writeMirror()
    const before = { head: await world.ledger.head(), entries: await world.ledger.entries() }
    const { note } = await world.ledger.published()
    await world.database.reset()
    const report = await recover()
    expect(report).toMatchObject({ origin: ORIGIN, treeSize: before.head.treeSize, contradiction: null })
    expect(report.witnesses.map(({ size }) => size)).toEqual([1, 2, 3].map(() => before.head.treeSize))
    expect({ ...(await world.ledger.head()), epoch: 0 }).toEqual({ ...before.head, epoch: 0 })
    expect(await world.ledger.entries()).toEqual(before.entries)
    const { status, deliver } = await world.start()
    expect(status.halt).toBeNull()
    expect((await world.ledger.published()).note.split('\n\n')[0]).toBe(note.split('\n\n')[0])
    await deliver(world.records.write(20))
    await world.ledger.sealed(1_025)
    await eventually(async () => (await world.ledger.published()).size === (await world.ledger.head()).treeSize)
    expect((await world.ledger.head()).epoch).toBeGreaterThan(before.head.epoch)
  })

  it('has the tiles that it had', async () => {
    await grownLedger()
    await writeMirror()
    const { treeSize, root } = await world.ledger.head()
    const tiles = await storedTiles()
    expect(tiles.length).toBeGreaterThan(2)
    await world.database.reset()
    await recover()
    expect(await new StoredTree(world.database.pool, sha256, treeSize).root()).toEqual(new Uint8Array(root))
    expect(await storedTiles()).toEqual(tiles)
  })

  it('is not begun by a sequencer before all of it is there', async () => {
    await grownLedger()
    await writeMirror()
    const { treeSize } = await world.ledger.head()
    await world.database.reset()
    const go = Promise.withResolvers<void>()
    const { url, asked, server } = await serveMirror(go.promise)
    const recovery = recover(world.policy, url)
    await asked
    const { epoch } = await world.ledger.head()
    const run = world.begin()
    await delay(500)
    expect((await world.database.pool.query('SELECT epoch FROM lease')).rows).toEqual([{ epoch }])
    go.resolve()
    expect(await recovery).toMatchObject({ treeSize, contradiction: null })
    await run.started
    expect(run.status.halt).toBeNull()
    expect(run.fatal).toEqual([])
    server.close()
  })

  it('may be newer than its signer, when both were restored', async () => {
    await world.grow(20)
    await world.backUpMachine()
    await grownLedger()
    await writeMirror()
    const { treeSize } = await world.ledger.head()
    await world.restoreSigner()
    await world.database.reset()
    expect(await recover()).toMatchObject({ treeSize, contradiction: null })
    const { status } = await world.start()
    expect(status.halt).toBeNull()
    expect((await world.ledger.signed()).size).toBe(treeSize)
  })

  it('is told to be incomplete when more was signed than the mirror has', async () => {
    await world.grow(20)
    await writeMirror()
    await world.grow(20)
    await world.database.reset()
    const { contradiction } = await recover(NO_POLICY)
    expect(contradiction).toMatch(/size \d+ was signed, the database holds only \d+/)
    expect((await world.start()).status.halt?.code).toBe('rollback-detected')
  })
})

describe('a recovery refuses', () => {
  it('a mirror that lacks what a witness has co-signed', async () => {
    await world.grow(20)
    await writeMirror()
    await world.grow(20)
    await world.database.reset()
    await expect(recover()).rejects.toThrow(/witness w1 has co-signed size \d+, the mirror holds \d+/)
    expect((await world.ledger.head()).height).toBe(-1)
  })

  it('a mirror of another log', async () => {
    await world.grow(20)
    await writeMirror()
    const checkpoint = await readFile(join(mirror, 'checkpoint'), 'utf8')
    await put('checkpoint', checkpoint.replace(ORIGIN, `${ORIGIN}/other`))
    await world.database.reset()
    await expect(recover()).rejects.toThrow('the log’s key'.replace('’', "'"))
  })

  it('a mirror with a byte that is wrong, and names the place', async () => {
    await grownLedger()
    await writeMirror()
    const path = join(mirror, 'tile', 'entries', '001')
    const bundle = await readFile(path)
    bundle[bundle.indexOf('"tag":"', 2_000) + 8]! ^= 1
    await writeFile(path, bundle)
    await world.database.reset()
    await expect(recover()).rejects.toThrow(/wrong in block \d+ at entry \d+/)
    expect((await world.start()).status.halt?.code).toBe('rollback-detected')
  })

  it('a mirror of which a bundle is missing', async () => {
    await grownLedger()
    await writeMirror()
    await rm(join(mirror, 'tile', 'entries', '002'))
    await world.database.reset()
    await expect(recover()).rejects.toThrow('tile/entries/002 is not all there')
  })

  it('a database that holds a ledger', async () => {
    await world.grow(20)
    await writeMirror()
    await expect(recover()).rejects.toThrow('the database holds a ledger')
  })
})
