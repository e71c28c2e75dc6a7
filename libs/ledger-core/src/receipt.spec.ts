import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import {
  base64,
  canonicalBytes,
  eventCommitment,
  fieldSalts,
  fieldTree,
  fromHex,
  hex,
  hmacSha256,
  proveField,
  sha256,
  utf8,
} from '@careseal/crypto'
import { inclusionProof, leafHash, merkleRoot } from '@careseal/merkle'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint } from './checkpoint.js'
import { leafEntryHash, type Leaf } from './entry.js'
import { signNote } from './note.js'
import type { LedgerKey } from './governance.js'
import { examineReceipt, parseReceipt, verifyReceipt, type Receipt } from './receipt.js'
import { formatTlogProof, parseTlogProof } from './tlog-proof.js'
import { ED25519, formatVkey, vkeyOf } from './vkey.js'

const ORIGIN = 'ledger.example.org/test'
const der = Buffer.concat([fromHex('302e020100300506032b657004220420'), new Uint8Array(32).fill(1)])
const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
const vkey = vkeyOf(sha256, { name: ORIGIN, type: ED25519, publicKey: new Uint8Array(spki.subarray(-32)) })
const signer = { ...vkey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) }

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = Buffer.concat([fromHex('302a300506032b6570032100'), publicKey])
  return verify(null, message, createPublicKey({ key, format: 'der', type: 'spki' }), signature)
}

const options = { logVkeys: [formatVkey(vkey)], sha256, hmacSha256, verifyEd25519 }
const version = { type: 'Observation', id: 'obs-1', version: 'ver-1' }
const named = { type: 'Observation', id: 'obs-1', versionId: 'ver-1' }
const key = new Uint8Array(32).fill(7)
const tree = fieldTree(
  { resourceType: 'Observation', status: 'final', note: [{ text: 'quiet' }] },
  fieldSalts(key, version),
)

async function receiptOf(
  change: { data?: object; content?: string | undefined; type?: string } = {},
): Promise<Receipt> {
  const type = 'RecordVersionAdded'
  const content = 'content' in change ? change.content : hex(tree.root)
  const time = '2026-07-01T00:00:00.000Z'
  const body = canonicalBytes({
    id: 'event-1',
    type: change.type ?? type,
    time,
    data: { ...named, ...change.data },
    ...(content === undefined ? {} : { content }),
  })
  const opening = new Uint8Array(32).fill(9)
  const commitment = hex(eventCommitment(opening, type, body))
  const leaf: Leaf = { producer: 'records', seq: 4, tag: hex(sha256(utf8('tag'))), commitment }
  const event = { type, body: base64(body), opening: hex(opening) }
  return { v: 1, event, leaf, proof: await proofOf(leaf) }
}

async function proofOf(leaf: Leaf): Promise<string> {
  const others = [0, 1, 2, 3, 4].map((i) => leafHash(sha256, Uint8Array.of(i)))
  const hashes = others.toSpliced(3, 0, leafEntryHash(sha256, leaf))
  const proof = await inclusionProof(3, hashes.length, (start, end) => merkleRoot(sha256, hashes.slice(start, end)))
  const checkpoint = formatCheckpoint({ origin: ORIGIN, size: hashes.length, root: merkleRoot(sha256, hashes) })
  return formatTlogProof({ index: 3, proof, checkpoint: await signNote(checkpoint, signer) })
}

const fields = tree.leaves.map(({ pointer, salt, value }) => ({ pointer, salt, value }))

async function reasonOf(receipt: Receipt, more: object = {}): Promise<string | null> {
  const verdict = await verifyReceipt(receipt, { ...options, ...more })
  return verdict.ok ? null : verdict.reason
}

describe('a receipt', () => {
  test('proves an event, offline and after a trip through JSON', async () => {
    const receipt = parseReceipt(JSON.stringify(await receiptOf()))
    const verdict = await verifyReceipt(receipt, options)
    expect(verdict).toMatchObject({
      ok: true,
      type: 'RecordVersionAdded',
      index: 3,
      body: { id: 'event-1', data: named },
    })
    expect(verdict).toMatchObject({ checkpoint: { origin: ORIGIN, size: 6 } })
  })

  test('proves all fields of a record', async () => {
    expect(await reasonOf({ ...(await receiptOf()), record: { ...named, fields } })).toBeNull()
  })

  test('proves some fields of a record without the others', async () => {
    const shown = [await proveField(tree, '/status')]
    const receipt: Receipt = { ...(await receiptOf()), record: { ...named, shown } }
    expect(await reasonOf(receipt)).toBeNull()
    expect(JSON.stringify(receipt)).not.toContain('quiet')
  })

  test('without an opening proves that its leaf stands, and shows nothing of what it commits to', async () => {
    const { event, ...rest } = await receiptOf()
    const closed: Receipt = { ...rest, event: { type: event.type } }
    expect(await verifyReceipt(closed, options)).toMatchObject({ ok: true, body: null, index: 3 })
    expect(await reasonOf({ ...closed, record: { ...named, fields } })).toBe('record-wrong')
  })

  test('cannot show a body that it does not open, nor open one that it does not show', async () => {
    const good = await receiptOf()
    const { type, body, opening } = good.event as Required<Receipt['event']>
    expect(await reasonOf({ ...good, event: { type, body } })).toBe('malformed')
    expect(await reasonOf({ ...good, event: { type, opening } })).toBe('malformed')
  })

  test('that nobody vouches for is examined for all but its signatures', async () => {
    const good = await receiptOf()
    const unsigned = { ...good, proof: good.proof.replace(/\u2014 .*\n/, '\u2014 somebody.example AAAAAAA=\n') }
    expect(await examineReceipt(unsigned, options)).toMatchObject({ ok: true, index: 3, checkpoint: { size: 6 } })
    expect(await reasonOf(unsigned)).toBe('checkpoint-no-known-signature')
    const moved = { ...unsigned, leaf: { ...good.leaf, seq: 5 } }
    expect(await examineReceipt(moved, options)).toEqual({ ok: false, reason: 'inclusion-wrong' })
  })

  test('counts by the sizes that the history of keys gives its key', async () => {
    const good = await receiptOf()
    const key: LedgerKey = {
      owner: 'log',
      vkey: formatVkey(vkey),
      fromSize: 0,
      untilSize: null,
      addedAt: null,
      retiredAt: null,
      replaces: null,
      reason: null,
    }
    const under = (change: Partial<LedgerKey>, upTo = 6) =>
      reasonOf(good, { keys: { known: [{ ...key, ...change }], upTo } })
    expect(await under({})).toBeNull()
    expect(await under({ untilSize: 6 })).toBeNull()
    expect(await under({ untilSize: 5, reason: 'stolen' })).toBe('checkpoint-key-not-valid')
    expect(await under({ untilSize: 5 }, 5)).toBe('checkpoint-key-not-valid')
    expect(await under({ fromSize: 7 })).toBe('checkpoint-key-not-valid')
    const unmet = (upTo: number) => reasonOf(good, { keys: { known: [], upTo } })
    expect(await unmet(6)).toBe('checkpoint-key-not-valid')
    expect(await unmet(5)).toBeNull()
  })

  test('with another type, body, opening, commitment or tag is refused', async () => {
    const good = await receiptOf()
    const event = (change: object) => reasonOf({ ...good, event: { ...good.event, ...change } })
    const leaf = (change: object) => reasonOf({ ...good, leaf: { ...good.leaf, ...change } })
    expect(await event({ type: 'RecordRead' })).toBe('commitment-wrong')
    expect(await event({ body: base64(utf8('{}')) })).toBe('commitment-wrong')
    expect(await event({ opening: '0'.repeat(64) })).toBe('commitment-wrong')
    expect(await leaf({ commitment: '0'.repeat(64) })).toBe('commitment-wrong')
    expect(await leaf({ tag: '0'.repeat(64) })).toBe('inclusion-wrong')
    expect(await leaf({ seq: 5 })).toBe('inclusion-wrong')
    expect(await leaf({ producer: 'audit' })).toBe('inclusion-wrong')
  })

  test('whose body names another type than was committed to is refused', async () => {
    expect(await reasonOf(await receiptOf({ type: 'RecordRead' }))).toBe('body-wrong')
  })

  test('at another place, or without its proof, is refused', async () => {
    const good = await receiptOf()
    const proof = parseTlogProof(good.proof)
    const altered = (change: object) => reasonOf({ ...good, proof: formatTlogProof({ ...proof, ...change }) })
    expect(await altered({ index: 2 })).toBe('inclusion-wrong')
    expect(await altered({ index: 6 })).toBe('inclusion-wrong')
    expect(await altered({ proof: proof.proof.slice(1) })).toBe('inclusion-wrong')
    expect(await altered({})).toBeNull()
  })

  test('under a checkpoint of nobody whom the verifier trusts is refused', async () => {
    const good = await receiptOf()
    const stranger = formatVkey(vkeyOf(sha256, { name: ORIGIN, type: ED25519, publicKey: new Uint8Array(32).fill(5) }))
    expect(await reasonOf(good, { logVkeys: [stranger] })).toBe('checkpoint-no-known-signature')
    expect(await reasonOf(good, { logVkeys: [] })).toBe('checkpoint-no-known-signature')
    expect(await reasonOf({ ...good, proof: good.proof.replace('\n6\n', '\n7\n') })).toBe(
      'checkpoint-signature-invalid',
    )
  })

  test('of a record that is not the one in the event is refused', async () => {
    const good = await receiptOf()
    expect(await reasonOf({ ...good, record: { ...named, id: 'obs-2', fields } })).toBe('record-wrong')
    expect(
      await reasonOf({ ...(await receiptOf({ data: { versionId: 'ver-2' } })), record: { ...named, fields } }),
    ).toBe('record-wrong')
    const without = await receiptOf({ content: undefined })
    expect(await reasonOf({ ...without, record: { ...named, fields } })).toBe('record-wrong')
  })

  test('with a field changed, added, left out or out of order is refused', async () => {
    const good = await receiptOf()
    const withFields = (fields: Receipt['record'] extends infer _ ? object[] : never) =>
      reasonOf({ ...good, record: { ...named, fields } } as Receipt)
    expect(await withFields(fields.with(2, { ...fields[2]!, value: 'amended' }))).toBe('content-wrong')
    expect(await withFields(fields.slice(1))).toBe('content-wrong')
    expect(await withFields([...fields, { ...fields[2]!, pointer: '/zzz' }])).toBe('content-wrong')
    expect(await withFields(fields.toReversed())).toBe('malformed')
    const proof = await proveField(tree, '/status')
    const shown = async (shown: object[]) => reasonOf({ ...good, record: { ...named, shown } } as Receipt)
    expect(await shown([{ ...proof, value: 'amended' }])).toBe('content-wrong')
    expect(await shown([])).toBe('content-wrong')
  })

  test('that is none is malformed, never an exception', async () => {
    const good = await receiptOf()
    const bad = [
      null,
      {},
      [],
      'x',
      { ...good, v: 2 },
      { ...good, leaf: null },
      { ...good, proof: 7 },
      { ...good, record: 7 },
    ]
    for (const each of bad) expect(await reasonOf(each as Receipt)).toMatch(/^(malformed|record-wrong)$/)
  })
})
