import { createHash } from 'node:crypto'
import { sha256 } from '@careseal/crypto'
import { parseBundle, parseEvidence, verifyEvidence, verifyLedger } from '@careseal/ledger-core'
import { foldPerfect, merkleRoot, leafHash, partialTiles, tileAt, tilePath, type Tile } from '@careseal/merkle'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { LedgerServer, TestLedger } from './test-ledger.js'
import { primitives } from './test-log.js'
import { WitnessUnderTest } from './witness-under-test.js'

// Generous: processes start slowly where much else runs.
const LONG = { timeout: 120_000 }

const ORIGIN = 'ledger.example.org/mirrored'
const prefix = `/${createHash('sha256').update(ORIGIN).digest('hex')}`

describe('a witness that mirrors', LONG, () => {
  let ledger: TestLedger
  let server: LedgerServer
  let witness: WitnessUnderTest

  beforeEach(async () => {
    ledger = new TestLedger(ORIGIN)
    server = await LedgerServer.start(ledger)
    const mirror = { url: server.url, intervalSeconds: 0.2 }
    witness = new WitnessUnderTest({ logs: [{ origin: ORIGIN, vkeys: [ledger.log.vkey], mirror }] })
    await witness.init()
    await witness.start()
    return async () => {
      await witness.remove()
      await server.stop()
    }
  })

  async function cosign(from: number, size = ledger.size): Promise<void> {
    expect(await witness.addCheckpoint(await ledger.request(from, size))).toMatchObject({ status: 200 })
  }

  const mirrored = async () => {
    const { status, body } = await witness.get(`${prefix}/mirror/checkpoint`)
    return status === 200 ? Number(body.split('\n')[1]) : 0
  }

  async function untilMirrored(size: number): Promise<void> {
    for (let left = 100; left > 0 && (await mirrored()) !== size; left--) await delay(100)
    expect(await mirrored()).toBe(size)
  }

  async function bytesOf(tile: Tile): Promise<Uint8Array> {
    const response = await fetch(`${witness.url}${prefix}/${tilePath(tile)}`)
    expect([tilePath(tile), response.status]).toEqual([tilePath(tile), 200])
    return new Uint8Array(await response.arrayBuffer())
  }

  /** Every tile of this size, checked against the entries by plain recursion. */
  async function expectWhole(size: number): Promise<void> {
    const hashes = ledger.entries.slice(0, size).map((entry) => leafHash(sha256, entry))
    const entries: Uint8Array[] = []
    for (let index = 0, tile; (tile = tileAt(size, 'entries', index)); index++) {
      entries.push(...parseBundle(await bytesOf(tile)))
      const tileHashes = await bytesOf({ ...tile, level: 0 })
      expect(Buffer.from(tileHashes).equals(Buffer.concat(hashes.slice(index * 256, (index + 1) * 256)))).toBe(true)
    }
    for (const { level, index, width } of partialTiles(size).filter(({ level }) => level === 1)) {
      const roots = Array.from({ length: width }, (_, i) => foldPerfect(sha256, hashes.slice(i * 256, (i + 1) * 256)))
      expect(Buffer.from(await bytesOf({ level, index, width })).equals(Buffer.concat(roots))).toBe(true)
    }
    expect(
      merkleRoot(
        sha256,
        entries.map((entry) => leafHash(sha256, entry)),
      ),
    ).toEqual(ledger.root(size))
    const { body: checkpoint } = await witness.get(`${prefix}/mirror/checkpoint`)
    const trust = { logVkeys: [ledger.log.vkey] }
    expect(await verifyLedger({ entries, checkpoint }, { ...primitives, trust })).toMatchObject({ ok: true })
  }

  it('holds every tile and bundle of what it co-signed, also those that are partial, and after a restart', async () => {
    ledger.grow(40)
    await cosign(0)
    await untilMirrored(ledger.size)
    await expectWhole(ledger.size)
    const before = ledger.size
    ledger.grow(700).grow(3)
    await cosign(before)
    await untilMirrored(ledger.size)
    await expectWhole(ledger.size)
    await witness.end('SIGKILL')
    await witness.start()
    await expectWhole(ledger.size)
    server.asked = []
    const second = ledger.size
    ledger.grow(5)
    await cosign(second)
    await untilMirrored(ledger.size)
    expect(server.asked.every((path) => path.includes('entries/002'))).toBe(true)
    await expectWhole(ledger.size)
  })

  it('cuts what is wider, and has nothing beyond what it verified', async () => {
    ledger.grow(500)
    await cosign(0)
    await untilMirrored(ledger.size)
    const bundle = await bytesOf({ level: 'entries', index: 0, width: 7 })
    expect(parseBundle(bundle)).toEqual(ledger.entries.slice(0, 7).map((entry) => new Uint8Array(entry)))
    expect(await bytesOf({ level: 0, index: 1, width: 3 })).toHaveLength(96)
    expect(await witness.get(`${prefix}/tile/entries/001`)).toMatchObject({ status: 404 })
    expect(await witness.get(`${prefix}/tile/0/002`)).toMatchObject({ status: 404 })
    expect(await witness.get(`${prefix}/tile/0/x999/x999/x999/x999/x999/999`)).toMatchObject({ status: 404 })
    const { headers } = await witness.get(`${prefix}/mirror/tile/0/000`)
    expect(headers.get('cache-control')).toContain('immutable')
  })

  it('takes the full bundle where the log has dropped the partial one', async () => {
    ledger.grow(100)
    server.hasPartial = false
    await cosign(0)
    ledger.grow(300)
    await untilMirrored(103)
    await expectWhole(103)
    expect(server.asked).toContain('tile/entries/000')
  })

  it('keeps nothing of entries that are not those that were signed, and says so', async () => {
    // Several bundles: those of a refused pull, written as they came, are not taken for the true ones.
    ledger.grow(600)
    const lying = new TestLedger(ORIGIN).grow(600, 'other')
    server.ledger = lying
    await cosign(0)
    for (let left = 100; left > 0 && !witness.lines.some(({ alarm }) => alarm); left--) await delay(100)
    expect(witness.lines.at(-1)).toMatchObject({ level: 'error', alarm: true })
    expect(await mirrored()).toBe(0)
    server.ledger = ledger
    await untilMirrored(ledger.size)
    await expectWhole(ledger.size)
  })

  const failures = async () => {
    const { body } = await witness.get('/metrics')
    return Number(/witness_mirror_failures_total\{.*reason="unavailable"\} (\d+)/.exec(body)?.[1] ?? 0)
  }

  it('fetches nothing twice of a pull that broke off, also after a restart, and serves none of it before its end', async () => {
    for (let block = 0; block < 3; block++) ledger.grow(300)
    server.endsAt = 2
    await cosign(0)
    for (let left = 100; left > 0 && (await failures()) === 0; left--) await delay(100)
    expect(await witness.get(`${prefix}/tile/entries/000`)).toMatchObject({ status: 404 })
    await witness.end('SIGKILL')
    server.asked = []
    server.endsAt = Infinity
    await witness.start()
    await untilMirrored(ledger.size)
    expect(server.asked.filter((path) => /entries\/00[01]$/.test(path))).toEqual([])
    expect(server.asked.length).toBeGreaterThan(0)
    await expectWhole(ledger.size)
  })

  it('waits for a log that is down, and goes on', async () => {
    server.isDown = true
    await cosign(0)
    await delay(700)
    expect((await witness.get('/metrics')).body).toMatch(/witness_mirror_failures_total\{.*reason="unavailable"\} \d/)
    server.isDown = false
    await untilMirrored(ledger.size)
  })

  it('proves a rollback: a smaller checkpoint of another history, from its own tiles', async () => {
    ledger.grow(62).grow(500)
    await cosign(0)
    await untilMirrored(ledger.size)
    for (const leaves of [5, 61]) {
      const other = new TestLedger(ORIGIN).grow(leaves, 'after a restore')
      expect(await witness.addCheckpoint(await other.request(0))).toMatchObject({ status: 409 })
    }
    const { evidence } = JSON.parse((await witness.get('/evidence')).body) as {
      evidence: { id: string; kind: string }[]
    }
    expect(evidence.map(({ kind }) => kind)).toEqual(['B', 'B'])
    for (const { id } of evidence) {
      const { body } = await witness.get(`/evidence/${id}`)
      expect(await verifyEvidence(parseEvidence(body), primitives)).toMatchObject({ proves: true, kind: 'B' })
    }
    expect(await witness.addCheckpoint(await ledger.request(0, 65))).toMatchObject({ status: 409 })
    expect(await witness.get('/evidence')).toMatchObject({ body: `${JSON.stringify({ evidence })}\n` })
  })
})
