import { hex, sha256, utf8, type JsonValue } from '@careseal/crypto'
import { leafHash } from '@careseal/merkle'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint } from './checkpoint.js'
import { cosigner } from './cosignature.js'
import { encodeLeaf, type Header } from './entry.js'
import { encodeEntry } from './entry-parse.js'
import { firstLink, nextLink } from './link.js'
import type { VerifiedState } from './ledger-verifier.js'
import { signNote } from './note.js'
import { parsePolicy } from './policy.js'
import { verifyLedger } from './verify-ledger.js'
import { ED25519 } from './vkey.js'
import {
  ORIGIN,
  keyPair,
  log,
  witness,
  operators,
  options,
  genesis,
  leafOf,
  admission,
  ledger,
  checkpointOf,
  faultOf,
  withHeader,
  admits,
} from './small-ledger.fixture.js'

describe('a whole ledger', () => {
  test('is verified from its entries and its checkpoint', async () => {
    const { entries, heads } = await ledger()
    const heights: number[] = []
    const onBlock = (header: Header) => heights.push(header.height)
    const verdict = await verifyLedger({ entries, checkpoint: await checkpointOf(entries) }, { ...options, onBlock })
    const link = [1, 2, 3].reduce(
      (link, seq) => nextLink(sha256, link, leafHash(sha256, encodeLeaf(leafOf('consent', seq)))),
      firstLink(sha256, ORIGIN, 'consent'),
    )
    expect(verdict).toMatchObject({ ok: true, leaves: 6, checkpoint: { origin: ORIGIN, size: 12 } })
    expect(verdict).toMatchObject({
      state: {
        ...heads.at(-1),
        hashes: heads.at(-1)!.hashes.map(hex),
        producers: { consent: { seq: 3, link: hex(link) }, 'consent-2': { seq: 1 }, records: { seq: 2 } },
      },
    })
    expect(heights).toEqual([0, 1, 2, 3])
  })

  test('may be ahead of its checkpoint, and streams in', async () => {
    const { entries } = await ledger()
    async function* stream() {
      yield* entries
    }
    const verdict = await verifyLedger({ entries: stream(), checkpoint: await checkpointOf(entries, 6) }, options)
    expect(verdict).toMatchObject({ ok: true, checkpoint: { size: 6 }, state: { treeSize: 12 } })
  })

  test('is verified in pieces as in one', async () => {
    const { entries, heads } = await ledger()
    const checkpoint = await checkpointOf(entries)
    const whole = await verifyLedger({ entries, checkpoint }, options)
    for (const { treeSize } of heads) {
      const first = await verifyLedger({ entries: entries.slice(0, treeSize), checkpoint: null }, options)
      const from = JSON.parse(JSON.stringify((first as { state: VerifiedState }).state)) as VerifiedState
      const rest = await verifyLedger({ entries: entries.slice(treeSize), checkpoint }, { ...options, from })
      expect((rest as { state: VerifiedState }).state).toEqual((whole as { state: VerifiedState }).state)
    }
  })

  test('meets the policy of who verifies it', async () => {
    const { entries } = await ledger()
    const policy = parsePolicy(sha256, `log ${log.vkey}\nwitness w1 ${witness.vkey}\nquorum w1\n`)
    const trust = { policy }
    const unwitnessed = await checkpointOf(entries)
    expect(await faultOf({ entries, checkpoint: unwitnessed }, { trust })).toMatchObject({ detail: 'quorum-not-met' })
    const text = unwitnessed.slice(0, unwitnessed.indexOf('\n\n') + 1)
    const cosigned = await signNote(text, log.signer, cosigner(witness.signer, 1_790_000_009, witness.signer.sign))
    const verdict = await verifyLedger({ entries, checkpoint: cosigned }, { ...options, trust })
    const cosignatures = [{ witness: 'w1', timestamp: 1_790_000_009 }]
    expect(verdict).toMatchObject({ ok: true, checkpoint: { cosignatures } })
  })
})

describe('a ledger that was tampered with', () => {
  test('is found out at the entry itself or the next header, whichever byte was changed', async () => {
    const { entries, heads } = await ledger()
    const checkpoint = await checkpointOf(entries)
    const cell = fc
      .nat(entries.length - 1)
      .chain((index) => fc.tuple(fc.constant(index), fc.nat(entries[index]!.length - 1)))
    await fc.assert(
      fc.asyncProperty(cell, fc.integer({ min: 1, max: 255 }), async ([index, at], flip) => {
        const bytes = entries[index]!.with(at, entries[index]![at]! ^ flip)
        const fault = await faultOf({ entries: entries.with(index, bytes), checkpoint })
        const height = heads.findIndex((head) => head.treeSize > index)
        const changedHeader = heads[height]!.treeSize === index + 1
        // A header that still reads is found by the next one, which holds its hash, or by the checkpoint.
        expect(fault!.height).toBeGreaterThanOrEqual(height)
        expect(fault!.height).toBeLessThanOrEqual(changedHeader ? height + 1 : height)
        expect(fault!.index).toBeGreaterThanOrEqual(index)
      }),
      { numRuns: 500 },
    )
  })

  test('misses an entry, has one twice, or has two swapped, wherever', async () => {
    const { entries } = await ledger()
    const checkpoint = await checkpointOf(entries)
    for (let i = 0; i < entries.length; i++) {
      expect(await faultOf({ entries: entries.toSpliced(i, 1), checkpoint })).not.toBeNull()
      expect(await faultOf({ entries: entries.toSpliced(i, 0, entries[i]!), checkpoint })).not.toBeNull()
      const other = entries[(i + 1) % entries.length]!
      const swapped = entries.with(i, other).with((i + 1) % entries.length, entries[i]!)
      expect(await faultOf({ entries: swapped, checkpoint })).not.toBeNull()
    }
  })

  // Each of these is consistent in itself but for one thing, which must be named with its block and entry.
  test.each<[string, (entries: Uint8Array[]) => Uint8Array[], object]>([
    ['height', (all) => withHeader(all, 5, { height: 2 }), { code: 'height-wrong', height: 1, index: 5 }],
    ['parent', (all) => withHeader(all, 5, { prevHash: 'f'.repeat(64) }), { code: 'previous-hash-wrong', index: 5 }],
    ['first index', (all) => withHeader(all, 5, { firstIndex: 3 }), { code: 'first-index-wrong', index: 5 }],
    ['root', (all) => withHeader(all, 5, { root: 'f'.repeat(64) }), { code: 'root-wrong', height: 1, index: 5 }],
    ['epoch', (all) => withHeader(all, 7, { epoch: 1 }), { code: 'epoch-went-back', height: 2, index: 7 }],
    ['time', (all) => withHeader(all, 7, { time: 1_790_000_001 }), { code: 'time-went-back', height: 2, index: 7 }],
    [
      'runs',
      (all) => withHeader(all, 7, { runs: [{ producer: 'records', fromSeq: 3, count: 1 }] }),
      { code: 'runs-wrong', height: 2, index: 7 },
    ],
    ['controls', (all) => withHeader(all, 7, { controls: 1, runs: [] }), { code: 'count-wrong', height: 2, index: 7 }],
    [
      'sequence',
      (all) => all.with(6, encodeLeaf(leafOf('consent', 4))),
      { code: 'sequence-broken', height: 2, index: 6 },
    ],
    [
      'producer',
      (all) => all.with(6, encodeLeaf(leafOf('audit', 1))),
      { code: 'producer-not-admitted', height: 2, index: 6 },
    ],
    [
      'order of runs',
      (all) => [...all.slice(0, 2), all[4]!, all[2]!, all[3]!, ...all.slice(5)],
      { code: 'runs-out-of-order', height: 1, index: 3 },
    ],
    ['second genesis', (all) => all.with(2, all[0]!), { code: 'genesis-misplaced', height: 1, index: 2 }],
    ['start', (all) => all.slice(2), { code: 'genesis-misplaced', height: 0, index: 0 }],
    ['block 0', (all) => all.toSpliced(1, 0, all[2]!), { code: 'genesis-not-alone', height: 0, index: 1 }],
    [
      'control behind a leaf',
      (all) => [...all.slice(0, 9), all[8]!, ...all.slice(9)].toSpliced(8, 1, encodeLeaf(leafOf('records', 2))),
      { code: 'control-misplaced', height: 3, index: 9 },
    ],
    ['end', (all) => all.slice(0, 11), { code: 'block-unfinished', height: 3, index: 11 }],
    ['last block', (all) => all.slice(0, 8), { code: 'entries-missing', height: 3, index: 8 }],
    ['everything', () => [], { code: 'entries-missing', height: 0, index: 0 }],
    ['an entry that is none', (all) => all.with(6, utf8('{}')), { code: 'malformed-entry', height: 2, index: 6 }],
  ])('in its %s is found out there', async (_, tamper, fault) => {
    const { entries } = await ledger()
    expect(await faultOf({ entries: tamper(entries), checkpoint: await checkpointOf(entries) })).toMatchObject(fault)
  })

  test('in a first link is found out in the genesis', async () => {
    const { entries } = await ledger()
    const wrong = { ...genesis, producers: { ...genesis.producers, audit: 'f'.repeat(64) } }
    const tampered = entries.with(0, encodeEntry({ genesis: wrong }))
    expect(await faultOf({ entries: tampered, checkpoint: null })).toEqual({
      code: 'first-link-wrong',
      height: 0,
      index: 0,
    })
  })
})

describe('administration entries', () => {
  const missing = { code: 'approval-missing', height: 3, index: 8 }

  test('need two operators, at this very place in the tree', async () => {
    const [first, second] = operators
    expect(await admits(await admission(8, [first!]))).toEqual(missing)
    expect(await admits(await admission(8, [first!, first!]))).toEqual(missing)
    expect(await admits(await admission(8, [first!, keyPair('stranger.example.org', ED25519, 9)]))).toEqual(missing)
    expect(await admits(await admission(7))).toEqual(missing)
    expect(await admits(await admission(8, [second!, operators[2]!]))).toBeNull()
    const good = await admission(8)
    expect(await admits({ ...good, approvals: good.approvals.map((each) => ({ ...each, signature: '?' })) })).toEqual(
      missing,
    )
  })

  test.each([
    { name: 'consent' },
    { name: 'Consent' },
    { name: null },
    { firstLink: 'f'.repeat(64) },
    { follows: 'nobody' },
    { follows: 7 },
  ])('that admit with %j are refused', async (change) => {
    const admin = await admission(8)
    const data = { ...(admin.data as object), ...change } as JsonValue
    expect(await admits({ ...admin, data })).toEqual({ code: 'admission-wrong', height: 3, index: 8 })
  })
})

describe('a checkpoint', () => {
  test('with another root is a fork, named by the block it ends', async () => {
    const { entries } = await ledger()
    const text = formatCheckpoint({ origin: ORIGIN, size: 8, root: sha256(utf8('fork')) })
    const fault = await faultOf({ entries, checkpoint: await signNote(text, log.signer) })
    expect(fault).toEqual({ code: 'checkpoint-root-wrong', height: 2, index: 7 })
  })

  test.each([0, 1, 4, 7, 9, 10, 11])('of size %i, inside a block, is refused', async (size) => {
    const { entries } = await ledger()
    const fault = await faultOf({ entries, checkpoint: await checkpointOf(entries, size) })
    expect(fault).toMatchObject({ code: 'checkpoint-inside-block' })
  })

  test('of another origin, key or form is refused', async () => {
    const { entries } = await ledger()
    const stranger = keyPair('other.example.org', ED25519, 8)
    const checkpoint = await checkpointOf(entries, 12, 'other.example.org')
    const detailOf = async (checkpoint: string, more = {}) => (await faultOf({ entries, checkpoint }, more))!
    expect(await detailOf(checkpoint)).toMatchObject({ detail: 'origin-of-another-key' })
    expect(await detailOf('nothing')).toMatchObject({ code: 'checkpoint-refused', detail: 'malformed' })
    const trust = { logVkeys: [stranger.vkey] }
    expect(await detailOf(await checkpointOf(entries), { trust })).toMatchObject({ detail: 'no-known-signature' })
    const text = checkpoint.slice(0, checkpoint.indexOf('\n\n') + 1)
    expect(await detailOf(await signNote(text, stranger.signer), { trust })).toMatchObject({ code: 'origin-wrong' })
    const forged = (await checkpointOf(entries)).replace('\n12\n', '\n13\n')
    expect(await detailOf(forged)).toMatchObject({ detail: 'signature-invalid' })
  })

  test('behind the state that one goes on from is refused, and at it compared', async () => {
    const { entries } = await ledger()
    const first = await verifyLedger({ entries: entries.slice(0, 8), checkpoint: null }, options)
    const from = (first as { state: VerifiedState }).state
    const rest = entries.slice(8)
    const behind = await faultOf({ entries: rest, checkpoint: await checkpointOf(entries, 6) }, { from })
    expect(behind).toMatchObject({ code: 'checkpoint-behind-state' })
    expect(await faultOf({ entries: rest, checkpoint: await checkpointOf(entries, 8) }, { from })).toBeNull()
    const text = formatCheckpoint({ origin: ORIGIN, size: 8, root: sha256(utf8('fork')) })
    const fork = await faultOf({ entries: rest, checkpoint: await signNote(text, log.signer) }, { from })
    expect(fork).toMatchObject({ code: 'checkpoint-root-wrong' })
  })
})
