import { canonicalJson, fromUtf8, hex, sha256, utf8, type JsonValue } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  approvalMessage,
  encodeAdmin,
  encodeGenesis,
  encodeHeader,
  encodeLeaf,
  leafEntryHash,
  NO_HASH,
  type Entry,
  type Header,
  type Leaf,
} from './entry.js'
import { encodeEntry, parseEntry } from './entry-parse.js'
import { firstLink, nextLink } from './link.js'
import { Malformed } from './malformed.js'

const ORIGIN = 'ledger.example.org/test'
const leaf: Leaf = {
  producer: 'consent',
  seq: 1,
  tag: hex(sha256(utf8('tag consent 1'))),
  commitment: hex(sha256(utf8('commitment consent 1'))),
}
const header: Header = {
  height: 1,
  prevHash: 'dd9c04cf8e811d5bf230c920643e3fd1e8135267338fa4829ec257d1a5d0409b',
  firstIndex: 2,
  count: 3,
  controls: 0,
  root: '27a8f3e1f073fa611edcedab92596406297aeeae9b5b546dd82bec1405571d69',
  runs: [
    { producer: 'consent', fromSeq: 1, count: 2 },
    { producer: 'records', fromSeq: 1, count: 1 },
  ],
  epoch: 1,
  time: 1_790_000_001,
}
const genesis = {
  origin: ORIGIN,
  logKeys: ['log-key'],
  operators: ['operator-key'],
  producers: {
    records: hex(firstLink(sha256, ORIGIN, 'records')),
    consent: hex(firstLink(sha256, ORIGIN, 'consent')),
  },
  previous: null,
}
const admin = {
  type: 'producer-admitted',
  data: { name: 'consent-2', firstLink: hex(firstLink(sha256, ORIGIN, 'consent-2')), follows: 'consent' },
  approvals: [{ operator: 'op.example.org/1', signature: 'c2ln' }],
}

describe('the formats that can never change', () => {
  test('a leaf', () => {
    expect(fromUtf8(encodeLeaf(leaf))).toBe(
      '{"leaf":{"commitment":"c268cc0cc79108e2f449b17d669c5c445adbd10a64705a8b9e320b8a3257a4f0",' +
        '"producer":"consent","seq":1,"tag":"7ca37200bf7e490fbc64ba549a0e9071699f75c4e62a9ad6132b0a1e4e58e2fc","v":1}}',
    )
    expect(hex(leafEntryHash(sha256, leaf))).toBe('61473ec4d11ff1a5aadfe185932d36816c154e48fa429f34a98a98e09d414e4a')
  })

  test('a genesis', () => {
    expect(fromUtf8(encodeGenesis(genesis))).toBe(
      '{"genesis":{"logKeys":["log-key"],"operators":["operator-key"],"origin":"ledger.example.org/test",' +
        '"previous":null,"producers":{' +
        '"consent":"d4dbf531f353d91883ed39939269cdb01eaaa205504b6a4c4f0fb44bf1f9097a",' +
        '"records":"5114ab147ae42d75d8fb118d2b4c6092f0db1d7a5b063fbcecd3e1014f4ea771"},"v":1}}',
    )
  })

  test('a header', () => {
    expect(fromUtf8(encodeHeader(header))).toBe(
      '{"block":{"controls":0,"count":3,"epoch":1,"firstIndex":2,"height":1,' +
        '"prevHash":"dd9c04cf8e811d5bf230c920643e3fd1e8135267338fa4829ec257d1a5d0409b",' +
        '"root":"27a8f3e1f073fa611edcedab92596406297aeeae9b5b546dd82bec1405571d69",' +
        '"runs":[{"count":2,"fromSeq":1,"producer":"consent"},{"count":1,"fromSeq":1,"producer":"records"}],' +
        '"time":1790000001,"v":1}}',
    )
  })

  test('an administration entry, and what its approvals sign', () => {
    const data =
      '{"firstLink":"193a2e424d3cff56c8cc8ab0cb77beab0bac981bdb47d5d9fbcf2f316f822afb",' +
      '"follows":"consent","name":"consent-2"}'
    expect(fromUtf8(encodeAdmin(admin))).toBe(
      '{"admin":{"approvals":[{"operator":"op.example.org/1","signature":"c2ln"}],' +
        `"data":${data},"type":"producer-admitted","v":1}}`,
    )
    expect(fromUtf8(approvalMessage(ORIGIN, 6, admin))).toBe(
      `["ledger.example.org/test",6,"producer-admitted",${data}]`,
    )
  })

  test('the links of a producer', () => {
    const first = firstLink(sha256, ORIGIN, 'consent')
    expect(hex(first)).toBe('d4dbf531f353d91883ed39939269cdb01eaaa205504b6a4c4f0fb44bf1f9097a')
    const second = { ...leaf, seq: 2, tag: hex(sha256(utf8('tag consent 2'))) }
    second.commitment = hex(sha256(utf8('commitment consent 2')))
    const link = [leaf, second].reduce((link, each) => nextLink(sha256, link, leafEntryHash(sha256, each)), first)
    expect(hex(link)).toBe('554ab943f673ead6f547e9156f01a5323efc33d6a7686fa4d1858548e20af605')
  })
})

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex)
const producer = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4}){0,2}$/)
const natural = fc.maxSafeNat()
const someLeaf = fc.record({
  producer,
  seq: natural.map((n) => Math.max(1, n)),
  tag: hash,
  commitment: hash,
})
const someHeader = fc
  .record({
    height: natural,
    prevHash: hash,
    firstIndex: natural,
    controls: fc.integer({ min: 1, max: 3 }),
    root: hash,
    epoch: natural,
    time: natural,
    runs: fc.uniqueArray(fc.record({ producer, fromSeq: fc.constant(7), count: fc.integer({ min: 1, max: 99 }) }), {
      selector: (run) => run.producer,
      maxLength: 5,
    }),
  })
  .map((rest) => ({
    ...rest,
    runs: rest.runs.toSorted((a, b) => (a.producer < b.producer ? -1 : 1)),
    count: rest.controls + rest.runs.reduce((sum, run) => sum + run.count, 0),
  }))
const someGenesis = fc.record({
  origin: fc.constant(ORIGIN),
  logKeys: fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }),
  operators: fc.array(fc.string({ minLength: 1 }), { maxLength: 3 }),
  producers: fc.dictionary(producer, hash, { maxKeys: 4, noNullPrototype: true }),
  previous: fc.option(fc.string({ minLength: 1 })),
})
const someAdmin = fc.record({
  type: fc.string({ minLength: 1 }),
  data: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(canonicalJson(value as JsonValue)) as JsonValue),
  approvals: fc.array(fc.record({ operator: fc.string({ minLength: 1 }), signature: fc.string({ minLength: 1 }) }), {
    maxLength: 3,
  }),
})
const someEntry: fc.Arbitrary<Entry> = fc.oneof(
  someLeaf.map((leaf) => ({ leaf })),
  someHeader.map((block) => ({ block })),
  someGenesis.map((genesis) => ({ genesis })),
  someAdmin.map((admin) => ({ admin })),
)

describe('entries', () => {
  test('read back as they were written', () => {
    fc.assert(
      fc.property(someEntry, (entry) => {
        expect(parseEntry(encodeEntry(entry))).toEqual(entry)
      }),
      { numRuns: 500 },
    )
  })

  test('are the canonical JSON of their wrapper', () => {
    fc.assert(
      fc.property(someEntry, (entry) => {
        const wrapped = Object.fromEntries(Object.entries(entry).map(([kind, body]) => [kind, { v: 1, ...body }]))
        expect(fromUtf8(encodeEntry(entry))).toBe(canonicalJson(wrapped as JsonValue))
      }),
    )
  })

  test('have one spelling: whatever reads is what would be written', () => {
    fc.assert(
      fc.property(someEntry, fc.nat(), fc.integer({ min: 1, max: 255 }), (entry, at, flip) => {
        const bytes = encodeEntry(entry)
        bytes[at % bytes.length]! ^= flip
        const read = readOrNull(bytes)
        expect(read === null || hex(encodeEntry(read)) === hex(bytes)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['white space', (text: string) => text.replace(':', ': ')],
    ['another order', (text: string) => text.replace(/"producer":"consent","seq":1/, '"seq":1,"producer":"consent"')],
    ['an unknown member', (text: string) => text.replace('"v":1', '"v":1,"w":1')],
    ['another version', (text: string) => text.replace('"v":1', '"v":2')],
    ['no version', (text: string) => text.replace(',"v":1', '')],
    ['a second wrapper', (text: string) => text.replace(/}$/, ',"block":{}}')],
    ['a member twice', (text: string) => text.replace('"seq":1', '"seq":1,"seq":1')],
    ['an escape that is not needed', (text: string) => text.replace('consent', '\\u0063onsent')],
    ['a number that is spelled otherwise', (text: string) => text.replace('"seq":1', '"seq":1e0')],
    ['upper-case digits', (text: string) => text.replace('c268cc', 'C268CC')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['a newline at the end', (text: string) => `${text}\n`],
    ['nothing', () => ''],
    ['null', () => 'null'],
    ['an empty wrapper', () => '{}'],
  ])('with %s are refused', (_, spoil) => {
    expect(() => parseEntry(utf8(spoil(fromUtf8(encodeLeaf(leaf)))))).toThrow(Malformed)
  })

  test.each<Partial<Record<keyof Leaf, unknown>>>([
    { producer: '' },
    { producer: 'Consent' },
    { producer: 'consent-' },
    { producer: '2consent' },
    { producer: 'con"sent' },
    { producer: 'con.sent' },
    { producer: 'a'.repeat(64) },
    { producer: undefined },
    { seq: 0 },
    { seq: -1 },
    { seq: 1.5 },
    { seq: 2 ** 53 },
    { seq: '1' },
    { tag: NO_HASH.slice(1) },
    { tag: 'G'.repeat(64) },
    { commitment: `${NO_HASH}\n` },
    { commitment: [NO_HASH] },
  ])('a leaf with %j is refused', (field) => {
    expect(() => encodeLeaf({ ...leaf, ...field } as Leaf)).toThrow(Malformed)
  })

  test.each<Partial<Record<keyof Header, unknown>>>([
    { count: 0 },
    { count: 4 },
    { controls: 1 },
    { height: -1 },
    { time: 1.5 },
    { epoch: 2 ** 53 },
    { root: 'root' },
    { runs: header.runs.toReversed() },
    { runs: [header.runs[0], header.runs[0]] },
    { runs: [{ producer: 'consent', fromSeq: 0, count: 3 }] },
    {
      runs: [
        { producer: 'consent', fromSeq: 1, count: 3 },
        { producer: 'records', fromSeq: 1, count: 0 },
      ],
    },
  ])('a header with %j is refused', (field) => {
    expect(() => encodeHeader({ ...header, ...field } as Header)).toThrow(Malformed)
  })

  test('a genesis without a log key, or with an origin that no checkpoint could have, is refused', () => {
    expect(() => encodeGenesis({ ...genesis, logKeys: [] })).toThrow(Malformed)
    for (const origin of ['', 'two words', 'a+b', 'a\nb', 'x'.repeat(256)]) {
      expect(() => encodeGenesis({ ...genesis, origin })).toThrow(Malformed)
    }
  })

  test('longer than a bundle can hold are refused', () => {
    expect(() => encodeAdmin({ ...admin, data: 'x'.repeat(65_535) })).toThrow('65535 bytes')
  })
})

function readOrNull(bytes: Uint8Array): Entry | null {
  try {
    return parseEntry(bytes)
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}
