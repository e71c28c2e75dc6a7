// Every parser of what comes from outside, fed with more than 100,000 texts each: whole ones, broken ones, and ones that
// are nearly whole. A text is refused as Malformed, or read and written back to the very same bytes. Nothing else comes
// out, and nothing takes long. The seed is fixed; CARESEAL_FUZZ_SEED tries another.
import { hex, sha256, utf8 } from '@careseal/crypto'
import { consistencyProof, merkleRoot, parseTilePath, tilePath } from '@careseal/merkle'
import { beforeAll, describe, expect, it } from 'vitest'
import { formatAddCheckpoint, parseAddCheckpoint } from './add-checkpoint.js'
import { formatBundle, parseBundle } from './bundle.js'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import { encodeEntry, parseEntry } from './entry-parse.js'
import { formatEvidence, parseEvidence } from './evidence.js'
import { Malformed } from './malformed.js'
import { formatNote, parseNote, signNote } from './note.js'
import { parsePolicy } from './policy.js'
import { admission, genesis, ledger, leafOf, log, operators, ORIGIN, witness } from './small-ledger.fixture.js'
import { formatTlogProof, parseTlogProof } from './tlog-proof.js'
import { formatVkey, parseVkey } from './vkey.js'

const CASES = 100_000
/** A few seconds each; more on a machine that does something else as well. */
const LONG = { timeout: 180_000 }
const SEED = Number(process.env['CARESEAL_FUZZ_SEED'] ?? 20261126)

/** A small generator of whole numbers below `bound` (mulberry32): a case is found again by its number. */
function randomOf(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

/** What breaks parsers of lines, decimals, base64, JSON and UTF-8. */
const PIECES = [
  '',
  '\n',
  '\n\n',
  '\r\n',
  ' ',
  '0',
  '01',
  '-1',
  '18446744073709551616',
  '9007199254740992',
  '=',
  '==',
  '+',
]
PIECES.push(
  'A',
  '\u2014 ',
  '\u0000',
  '\u007f',
  '\ud800',
  '\ufeff',
  '\u00a0',
  '"',
  '{',
  '}',
  '[]',
  'null',
  '\\u0041',
  '.p/',
  'x001/',
)

function mutated(text: string, others: readonly string[], random: (bound: number) => number): string {
  let result = text
  for (let left = 1 + random(3); left > 0; left--) result = mutatedOnce(result, others, random)
  return result
}

function mutatedOnce(text: string, others: readonly string[], random: (bound: number) => number): string {
  const [at, to] = [random(text.length + 1), random(text.length + 1)].toSorted((a, b) => a - b) as [number, number]
  const other = others[random(others.length)]!
  switch (random(7)) {
    case 0:
      return text.slice(0, at) + text.slice(Math.min(to, at + 1 + random(4)))
    case 1:
      return text.slice(0, at) + PIECES[random(PIECES.length)]! + text.slice(at)
    case 2:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1)
    case 3:
      return text.slice(0, to) + text.slice(at)
    case 4:
      return text.slice(0, at) + other.slice(Math.floor((at * other.length) / (text.length + 1)))
    case 5:
      return text.slice(0, at) + text.slice(at, to).toUpperCase() + text.slice(to)
    default:
      return text.slice(0, at)
  }
}

type Outcome = { read: number; refused: number }

/** Parses each case and writes what was read; throws, with the case, for anything but a refusal or the same text. */
function fuzz(samples: readonly string[], again: (text: string) => string | null): Outcome {
  const random = randomOf(SEED)
  const outcome: Outcome = { read: 0, refused: 0 }
  for (let i = 0; i < CASES; i++) {
    const sample = samples[random(samples.length)]!
    const text = i < samples.length ? samples[i]! : mutated(sample, samples, random)
    const written = attempt(again, text, i)
    outcome[written === null ? 'refused' : 'read'] += 1
    if (written !== null && written !== text) {
      throw new Error(
        `case ${i} of seed ${SEED} was read, and written as ${JSON.stringify(written)}: ${JSON.stringify(text)}`,
      )
    }
  }
  return outcome
}

function attempt(again: (text: string) => string | null, text: string, i: number): string | null {
  try {
    return again(text)
  } catch (cause) {
    if (cause instanceof Malformed) return null
    throw new Error(`case ${i} of seed ${SEED}: ${JSON.stringify(text)}`, { cause })
  }
}

/** Bytes as text and back, one character a byte: so that what is no UTF-8 is tried as well. */
const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const characters = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Reads bytes that write back to what was read; a character beyond a byte counts as its lower half. */
function ofBytes(again: (bytes: Uint8Array) => Uint8Array): (text: string) => string {
  return (text) => (characters(again(bytesOf(text))) === characters(bytesOf(text)) ? text : 'written otherwise')
}

const loose = (text: string) => hex(utf8(text.trim()))

// The refusals are many, and nobody reads where they came from.
const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 0
  return () => (Error.stackTraceLimit = stackTraceLimit)
})

let samples: Record<'note' | 'checkpoint' | 'proof' | 'policy' | 'request' | 'entry' | 'evidence' | 'bundle', string[]>

beforeAll(async () => {
  const hashes = Array.from({ length: 20 }, (_, i) => sha256(Uint8Array.of(i)))
  const rangeHash = (start: number, end: number) => merkleRoot(sha256, hashes.slice(start, end))
  const texts = [1, 9, 20].map((size) => formatCheckpoint({ origin: ORIGIN, size, root: rangeHash(0, size) }))
  const notes = await Promise.all(texts.map((text) => signNote(text, log.signer, witness.signer)))
  const proof = await consistencyProof(9, 20, rangeHash)
  const { entries } = await ledger()
  const evidence = { logKey: log.vkey, notes: notes.slice(1) as [string, string] }
  samples = {
    note: notes,
    checkpoint: texts,
    proof: [
      formatTlogProof({ index: 3, proof, checkpoint: notes[1]! }),
      formatTlogProof({ index: 0, proof: [], checkpoint: notes[0]!, extra: utf8('more') }),
    ],
    policy: [
      `# whom we trust\nlog ${log.vkey} https://ledger.example\nwitness w1 ${witness.vkey}\ngroup g 1 w1\nquorum g\n`,
      `log ${log.vkey}\nquorum none\n`,
    ],
    request: [
      formatAddCheckpoint({ oldSize: 9n, proof, note: notes[2]! }),
      formatAddCheckpoint({ oldSize: 0n, proof: [], note: notes[0]! }),
    ],
    entry: [
      ...entries,
      encodeEntry({ leaf: leafOf('records', 7) }),
      encodeEntry({ genesis }),
      encodeEntry({ admin: await admission(8) }),
    ].map(characters),
    evidence: [
      formatEvidence({ kind: 'A', ...evidence }),
      formatEvidence({ kind: 'B', ...evidence, otherRoot: hashes[0]!, proof }),
    ],
    bundle: [entries, entries.slice(0, 2)].map((some) => characters(formatBundle(some))),
  }
})

describe('whatever comes from outside is refused as Malformed, or reads back to the same bytes', () => {
  const parsers: [keyof typeof samples, (text: string) => string | null][] = [
    ['note', (text) => formatNote(parseNote(text))],
    ['checkpoint', (text) => formatCheckpoint(parseCheckpoint(text))],
    ['proof', (text) => formatTlogProof(parseTlogProof(text))],
    ['request', (text) => formatAddCheckpoint(parseAddCheckpoint(text))],
    ['entry', ofBytes((bytes) => encodeEntry(parseEntry(bytes)))],
    ['evidence', (text) => formatEvidence(parseEvidence(text))],
    ['bundle', ofBytes((bytes) => formatBundle(parseBundle(bytes)))],
    // A policy has comments and free white space: it is not written again, so only that it is refused or read counts.
    ['policy', (text) => (parsePolicy(sha256, text), text)],
  ]

  it.each(parsers)('%s', LONG, (name, again) => {
    const { read, refused } = fuzz(samples[name], again)
    expect(read + refused).toBe(CASES)
    expect(read).toBeGreaterThan(samples[name].length / 2)
    expect(refused).toBeGreaterThan(CASES / 20)
  })

  it.each<['note' | 'request' | 'evidence', (bytes: Uint8Array) => string]>([
    ['note', (bytes) => formatNote(parseNote(bytes))],
    ['request', (bytes) => formatAddCheckpoint(parseAddCheckpoint(bytes))],
    ['evidence', (bytes) => formatEvidence(parseEvidence(bytes))],
  ])('%s in bytes that may be no UTF-8', LONG, (name, again) => {
    const encoded = samples[name].map((text) => characters(utf8(text)))
    const { refused } = fuzz(
      encoded,
      ofBytes((bytes) => utf8(again(bytes))),
    )
    expect(refused).toBeGreaterThan(CASES / 20)
  })

  it('vkey', () => {
    const keys = [log, witness, ...operators].map(({ vkey }) => vkey)
    const { read } = fuzz(keys, (text) => formatVkey(parseVkey(sha256, text)))
    expect(read).toBeGreaterThan(2)
  })

  it('tile path', () => {
    const paths = [
      'tile/0/000',
      'tile/entries/x001/x234/067.p/89',
      'tile/63/x999/000.p/255',
      'tile/2/x009/x223/x372/x036/x854/x775/807',
    ]
    const { read, refused } = fuzz(paths, (text) => {
      const tile = parseTilePath(text)
      return tile && tilePath(tile)
    })
    expect([read > 2, refused > CASES / 20]).toEqual([true, true])
  })

  it('a mutation that is found is told by its number: the fuzzer sees a parser that reads loosely', () => {
    expect(() => fuzz(['6162'], loose)).toThrow(/case 0 of seed/)
    expect(() => fuzz(samples.note, () => JSON.parse('{') as string)).toThrow(/case 0 of seed/)
  })
})
