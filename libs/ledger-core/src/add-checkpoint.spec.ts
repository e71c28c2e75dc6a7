import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { base64, sha256, utf8 } from '@careseal/crypto'
import { consistencyProof, emptyRoot, merkleRoot, type Hash } from '@careseal/merkle'
import { describe, expect, test } from 'vitest'
import {
  admitCheckpoint,
  formatAddCheckpoint,
  judgeCheckpoint,
  parseAddCheckpoint,
  type AddCheckpoint,
} from './add-checkpoint.js'
import { formatCheckpoint } from './checkpoint.js'
import { verifierOf } from './cosignature.js'
import { signNote } from './note.js'
import { keyPair, log, ORIGIN, verifyEd25519, witness } from './small-ledger.fixture.js'
import { nothingKnown, type KnownTree } from './tree-swap.js'
import { ED25519, parseVkey } from './vkey.js'

const leaves = (count: number, salt = 0): Hash[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i, salt)))
const treeOf = (size: number, salt = 0): KnownTree => ({ size, root: merkleRoot(sha256, leaves(size, salt)) })
const proofOf = (from: number, size: number, salt = 0) =>
  consistencyProof(from, size, (start, end) => merkleRoot(sha256, leaves(size, salt).slice(start, end)))
const checkpoint = ({ size, root }: KnownTree, signer = log.signer, origin = ORIGIN) =>
  signNote(formatCheckpoint({ origin, size, root }), signer)

function logsOf(vkey: string) {
  const verifier = verifierOf(parseVkey(sha256, vkey), verifyEd25519)!
  return (origin: string) => (origin === verifier.name ? [verifier] : undefined)
}

/** A witness with a memory and nothing else: what it answers, and what it knows then. */
async function ask(known: KnownTree, body: string | Uint8Array, logs = logsOf(log.vkey)) {
  const answer = await admitCheckpoint(body, logs)
  if ('refused' in answer) return { ...answer.refused, known }
  const verdict = judgeCheckpoint(sha256, known, answer.admitted)
  return { ...verdict, known: verdict.status === 200 ? verdict.accepted : known }
}

const askFor = async (known: KnownTree, request: AddCheckpoint) => ask(known, formatAddCheckpoint(request))

describe('the table of tlog-witness', () => {
  const known = treeOf(5)
  const unknown = nothingKnown(sha256)

  test.each([
    ['no old line', `\n\n${'note'}`],
    ['an old size with a leading zero', 'old 05\n\nNOTE'],
    ['an old size beyond 2^64', 'old 18446744073709551616\n\nNOTE'],
    ['a hash that is too short', 'old 5\nAAAA\n\nNOTE'],
    ['a hash in loose base64', `old 5\n${'A'.repeat(42)}B=\n\nNOTE`],
    ['a carriage return', 'old 5\r\n\nNOTE'],
    ['64 hashes', `old 5\n${`${base64(new Uint8Array(32))}\n`.repeat(64)}\nNOTE`],
    ['no empty line', 'old 5\nNOTE'],
    ['a note without signatures', 'old 5\n\nledger\n5\nroot\n'],
  ])('400 for %s', async (_case, body) => {
    const whole = body.replace('NOTE', await checkpoint(treeOf(6)))
    expect(await ask(known, whole)).toMatchObject({ status: 400, code: 'malformed', known })
  })

  test('400 for what is no UTF-8', async () => {
    expect(await ask(known, Uint8Array.of(0xff, 0xfe))).toMatchObject({ status: 400, code: 'malformed' })
  })

  test('63 hashes are well-formed', async () => {
    const proof = Array.from({ length: 63 }, () => new Uint8Array(32))
    const note = await checkpoint(treeOf(6))
    expect(await askFor(known, { oldSize: 5n, proof, note })).toMatchObject({ status: 422, code: 'inconsistent' })
  })

  test('404 for a log that is not known, before its signature is looked at', async () => {
    const note = await checkpoint(treeOf(6), log.signer, 'other.example.org/log')
    expect(await askFor(known, { oldSize: 9n, proof: [], note })).toMatchObject({ status: 404, code: 'unknown-log' })
  })

  test('403 when no known key of the log has signed, or one of them wrongly', async () => {
    const stranger = keyPair(ORIGIN, ED25519, 9)
    const note = await checkpoint(treeOf(6), stranger.signer)
    expect(await askFor(known, { oldSize: 5n, proof: [], note })).toMatchObject({
      status: 403,
      code: 'no-known-signature',
    })
    const broken = await checkpoint(treeOf(6), { ...log.signer, sign: () => new Uint8Array(64) })
    expect(await askFor(known, { oldSize: 5n, proof: [], note: broken })).toMatchObject({
      status: 403,
      code: 'signature-invalid',
    })
  })

  test.each([
    ['a size that is no number', 'five', base64(new Uint8Array(32))],
    ['a short root', '5', base64(new Uint8Array(31))],
    ['an extension line', '5', `${base64(new Uint8Array(32))}\nextension`],
  ])('400 for a checkpoint with %s', async (_case, size, root) => {
    const note = await signNote(`${ORIGIN}\n${size}\n${root}\n`, log.signer)
    expect(await askFor(known, { oldSize: 9n, proof: [], note })).toMatchObject({
      status: 400,
      code: 'malformed-checkpoint',
    })
  })

  test('400 for an old size beyond that of the checkpoint, also beyond 2^53', async () => {
    for (const oldSize of [7n, 1n << 53n, (1n << 64n) - 1n]) {
      const note = await checkpoint(treeOf(6))
      const answer = await askFor(known, { oldSize, proof: [], note })
      expect(answer).toMatchObject({ status: 400, code: 'old-size-beyond-size', known })
    }
  })

  test('422 for an empty tree with a root of its own, before the sizes are compared', async () => {
    const note = await checkpoint({ size: 0, root: treeOf(1).root })
    expect(await askFor(known, { oldSize: 0n, proof: [], note })).toMatchObject({ status: 422 })
  })

  test('409 with the known size for another old size', async () => {
    const note = await checkpoint(treeOf(6))
    for (const oldSize of [0n, 4n, 6n]) {
      const answer = await askFor(known, { oldSize, proof: [], note })
      expect(answer).toMatchObject({ status: 409, code: 'size-conflict', knownSize: 5, known })
    }
  })

  test('422 for a proof from nothing', async () => {
    const note = await checkpoint(treeOf(6))
    const answer = await askFor(unknown, { oldSize: 0n, proof: [new Uint8Array(32)], note })
    expect(answer).toMatchObject({ status: 422, code: 'proof-not-empty' })
  })

  test('422 for the same size with another root, or with a proof', async () => {
    const other = { oldSize: 5n, proof: [], note: await checkpoint(treeOf(5, 1)) }
    expect(await askFor(known, other)).toMatchObject({ status: 422, code: 'fork' })
    const proven = { oldSize: 5n, proof: [new Uint8Array(32)], note: await checkpoint(known) }
    expect(await askFor(known, proven)).toMatchObject({ status: 422, code: 'proof-not-empty' })
  })

  test('422 for a proof that fails, or is missing', async () => {
    const note = await checkpoint(treeOf(9))
    const proof = await proofOf(5, 9)
    for (const wrong of [[], proof.slice(1), proof.toReversed(), [...proof, proof[0]!]]) {
      expect(await askFor(known, { oldSize: 5n, proof: wrong, note })).toMatchObject({
        status: 422,
        code: 'inconsistent',
      })
    }
    const forked = { oldSize: 5n, proof: await proofOf(5, 9, 1), note: await checkpoint(treeOf(9, 1)) }
    expect(await askFor(known, forked)).toMatchObject({ status: 422, code: 'inconsistent', known })
  })

  test('200 for the first tree, a larger one, the same again, and an empty one', async () => {
    const first = { oldSize: 0n, proof: [], note: await checkpoint(known) }
    expect(await askFor(unknown, first)).toMatchObject({ status: 200, known })
    const grown = { oldSize: 5n, proof: await proofOf(5, 9), note: await checkpoint(treeOf(9)) }
    expect(await askFor(known, grown)).toMatchObject({ status: 200, known: treeOf(9) })
    const same = { oldSize: 5n, proof: [], note: await checkpoint(known) }
    expect(await askFor(known, same)).toMatchObject({ status: 200, known })
    const nothing = { oldSize: 0n, proof: [], note: await checkpoint({ size: 0, root: emptyRoot(sha256) }) }
    expect(await askFor(unknown, nothing)).toMatchObject({ status: 200, known: unknown })
  })
})

describe('a request', () => {
  test('reads back to what it was made of, and formats to the same bytes', async () => {
    const note = await signNote(formatCheckpoint({ origin: ORIGIN, ...treeOf(9) }), log.signer, witness.signer)
    const request = { oldSize: 5n, proof: await proofOf(5, 9), note }
    const body = formatAddCheckpoint(request)
    expect(parseAddCheckpoint(body)).toEqual(request)
    expect(parseAddCheckpoint(utf8(body))).toEqual(request)
  })

  test('keeps of the signatures those that were verified', async () => {
    const note = await signNote(formatCheckpoint({ origin: ORIGIN, ...treeOf(9) }), witness.signer, log.signer)
    const answer = await admitCheckpoint(formatAddCheckpoint({ oldSize: 0n, proof: [], note }), logsOf(log.vkey))
    const names = 'admitted' in answer ? answer.admitted.signatures.map(({ name }) => name) : []
    expect(names).toEqual([ORIGIN])
  })
})

const vectors = fileURLToPath(new URL('../../../../shared/vectors/witness-add-checkpoint.json', import.meta.url))
const missing = !existsSync(vectors)

describe.skipIf(missing)('the published conversation with a witness', () => {
  type Step = { name: string; body: string; status: number; body_contains: string }
  const { log_vkey, steps } = missing
    ? { log_vkey: '', steps: [] }
    : (JSON.parse(readFileSync(vectors, 'utf8')) as { log_vkey: string; steps: Step[] })

  test('is answered step by step as it is published', async () => {
    let known = nothingKnown(sha256)
    for (const { name, body, status, body_contains } of steps) {
      const answer = await ask(known, body, logsOf(log_vkey))
      const told = answer.status === 409 ? `${answer.knownSize}\n` : body_contains
      expect([name, answer.status, told]).toEqual([name, status, body_contains])
      known = answer.known
    }
    expect(known.size).toBe(5)
  })
})
