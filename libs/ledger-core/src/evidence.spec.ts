import { sha256 } from '@careseal/crypto'
import { consistencyProof, merkleRoot, type Hash } from '@careseal/merkle'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import {
  evidenceAgainst,
  formatEvidence,
  parseEvidence,
  verifyEvidence,
  type Evidence,
  type SignedTree,
} from './evidence.js'
import { Malformed } from './malformed.js'
import { identityOf, parseNote, signNote, type NoteSigner } from './note.js'
import { keyPair, log, options, ORIGIN, witness } from './small-ledger.fixture.js'
import { ED25519, parseVkey } from './vkey.js'

const logKey = parseVkey(sha256, log.vkey)

/** A tree whose leaf 0 is salted: two salts, two histories. */
const leaves = (count: number, salt = 0): Hash[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i, i === 0 ? salt : 0)))
const rootOf = (size: number, salt = 0) => merkleRoot(sha256, leaves(size, salt))
const proofOf = (from: number, size: number, salt = 0) =>
  consistencyProof(from, size, (start, end) => merkleRoot(sha256, leaves(size, salt).slice(start, end)))

function noteOf(size: number, salt = 0, signer: NoteSigner = log.signer, origin = ORIGIN) {
  return signNote(formatCheckpoint({ origin, size, root: rootOf(size, salt) }), signer)
}

async function signed(size: number, salt = 0, ...signers: NoteSigner[]): Promise<SignedTree> {
  const text = formatCheckpoint({ origin: ORIGIN, size, root: rootOf(size, salt) })
  const { signatures } = parseNote(await signNote(text, ...(signers.length > 0 ? signers : [log.signer])))
  return { text, signatures, checkpoint: parseCheckpoint(text) }
}

async function kindA(): Promise<Evidence> {
  return { kind: 'A', logKey: log.vkey, notes: [await noteOf(9), await noteOf(9, 1)] }
}

async function kindB(): Promise<Evidence & { kind: 'B' }> {
  const proof = await proofOf(5, 9, 1)
  return { kind: 'B', logKey: log.vkey, notes: [await noteOf(5), await noteOf(9, 1)], otherRoot: rootOf(5, 1), proof }
}

describe('evidence of a fork', () => {
  it('of one size with two roots names the key that signed both', async () => {
    const verdict = await verifyEvidence(await kindA(), options)
    expect(verdict).toMatchObject({ proves: true, kind: 'A', key: identityOf(logKey), origin: ORIGIN })
  })

  it('of two sizes whose proof leads back to another root names the key that signed both', async () => {
    const verdict = await verifyEvidence(await kindB(), options)
    expect(verdict).toMatchObject({ proves: true, kind: 'B', key: identityOf(logKey), origin: ORIGIN })
    expect(verdict).toMatchObject({ checkpoints: [{ size: 5 }, { size: 9 }] })
  })

  it.each([1, 2, 4, 8])('also stands where the older size is the power of two %i', async (size) => {
    const proof = await proofOf(size, 9, 1)
    const notes: [string, string] = [await noteOf(size), await noteOf(9, 1)]
    const evidence: Evidence = { kind: 'B', logKey: log.vkey, notes, otherRoot: rootOf(size, 1), proof }
    expect(await verifyEvidence(evidence, options)).toMatchObject({ proves: true })
  })

  it('is not made by a proof that fails', async () => {
    const good = await kindB()
    const wrong = [good.proof.slice(1), good.proof.toReversed(), await proofOf(5, 9), [], [...good.proof, rootOf(1)]]
    for (const proof of wrong) {
      expect(await verifyEvidence({ ...good, proof }, options)).toEqual({ proves: false, reason: 'proof-fails' })
    }
    expect(await verifyEvidence({ ...good, otherRoot: rootOf(4) }, options)).toMatchObject({ reason: 'proof-fails' })
  })

  it.each<[string, (good: { a: Evidence; b: Evidence & { kind: 'B' } }) => Promise<Evidence>]>([
    ['roots-agree', async ({ a }) => ({ ...a, notes: [a.notes[0], a.notes[0]] })],
    ['roots-agree', async ({ b }) => ({ ...b, notes: [await noteOf(5), await noteOf(9)], otherRoot: rootOf(5) })],
    ['sizes-wrong', async ({ a }) => ({ ...a, notes: [a.notes[0], await noteOf(8, 1)] })],
    ['sizes-wrong', async ({ b }) => ({ ...b, notes: [b.notes[1], b.notes[0]] })],
    [
      'origins-differ',
      async ({ a }) => ({ ...a, notes: [a.notes[0], await noteOf(9, 1, log.signer, 'other.example')] }),
    ],
    [
      'not-signed-by-the-key',
      async ({ a }) => ({ ...a, notes: [a.notes[0], await noteOf(9, 1, keyPair(ORIGIN, ED25519, 9).signer)] }),
    ],
    ['not-signed-by-the-key', async ({ a }) => ({ ...a, notes: [a.notes[0], a.notes[1].replace(/\n9\n/, '\n8\n')] })],
    ['not-signed-by-the-key', async ({ a }) => ({ ...a, logKey: keyPair(ORIGIN, ED25519, 9).vkey })],
    ['key-unreadable', async ({ a }) => ({ ...a, logKey: witness.vkey })],
    ['key-unreadable', async ({ a }) => ({ ...a, logKey: 'somebody' })],
    ['checkpoint-unreadable', async ({ a }) => ({ ...a, notes: [a.notes[0], await signNote('a text\n', log.signer)] })],
  ])('proves nothing when it says %s', async (reason, spoil) => {
    const evidence = await spoil({ a: await kindA(), b: await kindB() })
    expect(await verifyEvidence(evidence, options)).toEqual({ proves: false, reason })
  })
})

describe('the file of evidence', () => {
  it('reads back to what it was made of, and formats to the same bytes', async () => {
    for (const evidence of [await kindA(), await kindB()]) {
      const text = formatEvidence(evidence)
      expect(parseEvidence(text)).toEqual(evidence)
      expect(formatEvidence(parseEvidence(new TextEncoder().encode(text)))).toBe(text)
    }
  })

  it.each<[string, (text: string) => string]>([
    ['white space of its own', (text) => text.replace('  "kind"', '   "kind"')],
    ['an unknown member', (text) => text.replace('"kind"', '"note": 1,\n  "kind"')],
    ['another version', (text) => text.replace('@v1', '@v2')],
    ['another kind', (text) => text.replace('"A"', '"C"')],
    ['a note that is none', (text) => text.replaceAll('\\n\\n', '\\n')],
    ['an end that is missing', (text) => text.slice(0, -3)],
    ['nothing', () => ''],
    ['null', () => 'null'],
  ])('is refused with %s', async (_case, spoil) => {
    const text = formatEvidence(await kindA())
    expect(() => parseEvidence(spoil(text))).toThrow(Malformed)
  })
})

describe('what a witness can prove', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 40 }))

  it('is true whenever it says so, and never missing but at powers of two', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async ([size, more]) => {
        const [older, newer] = [await signed(size), await signed(size + more, 1)]
        const proof = more === 0 ? [] : await proofOf(size, size + more, 1)
        const evidence = evidenceAgainst([logKey], { older, newer, proof }, options)
        const isPower = (size & (size - 1)) === 0
        expect(evidence === null).toBe(more > 0 && isPower)
        const verdict = evidence && (await verifyEvidence(parseEvidence(formatEvidence(evidence)), options))
        expect(verdict?.proves ?? true).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('is nothing against a log that only grows, whatever proof it sends', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async ([size, more], spoil) => {
        const [older, newer] = [await signed(size), await signed(size + more)]
        const good = more === 0 ? [] : await proofOf(size, size + more)
        const spoiled = good.map((hash, i) => (i === spoil % good.length ? sha256(hash) : hash))
        for (const proof of [good, spoiled, good.slice(1), []]) {
          expect(evidenceAgainst([logKey], { older, newer, proof }, options)).toBe(null)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('needs one key under both notes, and takes along no signature but its own', async () => {
    const second = keyPair(ORIGIN, ED25519, 9)
    const older = await signed(9, 0, log.signer, witness.signer)
    const keys = [logKey, parseVkey(sha256, second.vkey)]
    const newer = await signed(9, 1, second.signer)
    expect(evidenceAgainst(keys, { older, newer, proof: [] }, options)).toBe(null)
    const both = await signed(9, 1, second.signer, log.signer)
    const evidence = evidenceAgainst(keys, { older, newer: both, proof: [] }, options)
    expect(evidence?.notes.map((note) => parseNote(note).signatures.length)).toEqual([1, 1])
    expect(evidence?.logKey).toBe(log.vkey)
  })
})
