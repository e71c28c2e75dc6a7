import { fromHex, sha256, utf8 } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatBundle, parseBundle } from './bundle.js'
import { Malformed } from './malformed.js'
import { meetsEveryQuorum, parsePolicy, satisfies } from './policy.js'
import { formatTlogProof, parseTlogProof } from './tlog-proof.js'
import { COSIGNATURE_V1, ED25519, formatVkey, parseVkey, vkeyOf } from './vkey.js'

function vkey(name: string, type: number, fill: number): string {
  return formatVkey(vkeyOf(sha256, { name, type, publicKey: new Uint8Array(32).fill(fill) }))
}

const log = vkey('ledger.example.org/test', ED25519, 1)
const witnesses = [1, 2, 3, 4, 5].map((i) => `witness w${i} ${vkey(`w${i}.example.org`, COSIGNATURE_V1, 10 + i)}`)

describe('policies', () => {
  test('of three witnesses out of five', () => {
    const text = [
      `# the consortium`,
      `log ${log}`,
      ...witnesses,
      '',
      'group all-five 3 w1 w2\tw3 w4 w5',
      'quorum all-five',
    ]
    const policy = parsePolicy(sha256, text.join('\n'))
    fc.assert(
      fc.property(fc.subarray(['w1', 'w2', 'w3', 'w4', 'w5']), (cosigned) => {
        expect(satisfies(policy, new Set(cosigned))).toBe(cosigned.length >= 3)
      }),
    )
    expect(satisfies(policy, new Set(['w1', 'w2', 'stranger']))).toBe(false)
  })

  test('of groups of groups', () => {
    const text = [...witnesses, 'group a any w1 w2', 'group b all w3 w4', 'group both all a b', 'quorum both'].join(
      '\n',
    )
    const policy = parsePolicy(sha256, text)
    expect(satisfies(policy, new Set(['w1', 'w3', 'w4']))).toBe(true)
    expect(satisfies(policy, new Set(['w1', 'w2', 'w3']))).toBe(false)
  })

  test('of one witness, or of none', () => {
    const one = parsePolicy(sha256, `${witnesses[0]} https://w1.example.org\nquorum w1`)
    expect(satisfies(one, new Set())).toBe(false)
    expect(satisfies(one, new Set(['w1']))).toBe(true)
    expect(one.witnesses[0]!.url).toBe('https://w1.example.org')
    expect(satisfies(parsePolicy(sha256, 'quorum none\n'), new Set())).toBe(true)
  })

  test('are met by every quorum once n − k + 1 of n have spoken, for k out of n', () => {
    const names = witnesses.map((_, i) => `w${i + 1}`)
    for (let k = 1; k <= names.length; k++) {
      const policy = parsePolicy(
        sha256,
        [...witnesses, `group all-five ${k} ${names.join(' ')}`, 'quorum all-five'].join('\n'),
      )
      fc.assert(
        fc.property(fc.subarray(names), (spoken) => {
          expect(meetsEveryQuorum(policy, new Set(spoken))).toBe(spoken.length >= names.length - k + 1)
        }),
      )
    }
    expect(meetsEveryQuorum(parsePolicy(sha256, 'quorum none\n'), new Set())).toBe(true)
  })

  test('of any shape: whoever spoke shares a witness with every set that meets the quorum', () => {
    const names = ['w1', 'w2', 'w3', 'w4', 'w5']
    const every = subsets(names)
    fc.assert(
      fc.property(groupings(names), fc.subarray(names), (groups, spoken) => {
        const policy = parsePolicy(sha256, [...witnesses, ...groups].join('\n'))
        const quorums = every.filter((some) => satisfies(policy, new Set(some)))
        const shared = quorums.every((quorum) => quorum.some((name) => spoken.includes(name)))
        expect(meetsEveryQuorum(policy, new Set([...spoken, 'stranger']))).toBe(shared)
      }),
    )
  })

  test.each([
    ['an unknown keyword', 'mirror x\nquorum none'],
    ['a log with a witness key', `log ${vkey('a', COSIGNATURE_V1, 9)}\nquorum none`],
    ['a log twice', `log ${log}\nlog ${log}\nquorum none`],
    ['a witness key twice', `${witnesses[0]}\n${witnesses[0]!.replace('w1 ', 'w9 ')}\nquorum none`],
    ['a witness called none', `${witnesses[0]!.replace('w1 ', 'none ')}\nquorum none`],
    ['a group with the name of a witness', `${witnesses[0]}\ngroup w1 any w1\nquorum w1`],
    ['a group of nobody', 'group g all\nquorum g'],
    ['a member twice in one group', `${witnesses[0]}\ngroup g 2 w1 w1\nquorum g`],
    ['a threshold of zero', `${witnesses[0]}\ngroup g 0 w1\nquorum g`],
    ['a threshold with a leading zero', `${witnesses[0]}\ngroup g 01 w1\nquorum g`],
    ['a field too many', 'quorum none none'],
    ['a broken vkey', 'log x+y+z\nquorum none'],
    ['a carriage return', 'quorum none\r\n'],
    ['nothing', ''],
  ])('with %s are refused', (_, text) => {
    expect(() => parsePolicy(sha256, text)).toThrow(Malformed)
  })

  test('with two keys of one name and key ID are refused, for a signature line tells them not apart', () => {
    const [one, other] = [26_231, 143_423].map((number) => {
      const publicKey = new Uint8Array(32)
      new DataView(publicKey.buffer).setUint32(28, number)
      return formatVkey(vkeyOf(sha256, { name: 'ledger.example.org/test', type: ED25519, publicKey }))
    })
    expect(parseVkey(sha256, one!).keyId).toBe(parseVkey(sha256, other!).keyId)
    expect(() => parsePolicy(sha256, `log ${one}\nlog ${other}\nquorum none`)).toThrow('two keys of one name')
  })

  test('name the line at fault', () => {
    expect(() => parsePolicy(sha256, `# one\n${witnesses[0]}\nquorum w2\n`)).toThrow('policy line 3')
  })
})

describe('proof files', () => {
  const checkpoint = 'origin\n1\nroot\n\n\u2014 name AAAA\n'
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

  test('have one text that can never change', () => {
    const proof = [fromHex('00'.repeat(32)), fromHex('ff'.repeat(32))]
    expect(formatTlogProof({ index: 7, proof, checkpoint, extra: utf8('extra') })).toBe(
      'c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n' +
        '//////////////////////////////////////////8=\n\norigin\n1\nroot\n\n\u2014 name AAAA\n',
    )
  })

  test('read back as they were written', () => {
    const extra = fc.option(fc.uint8Array({ maxLength: 40, size: 'max' }), { nil: undefined })
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 63, size: 'max' }), extra, (index, proof, extra) => {
        const given = { index, proof, checkpoint, ...(extra && { extra }) }
        expect(parseTlogProof(formatTlogProof(given))).toEqual(given)
      }),
    )
  })

  test.each([
    ['too many hashes', (text: string) => text.replace('\n\n', `\n${'A'.repeat(43)}=`.repeat(64) + '\n\n')],
    ['an index that is signed', (text: string) => text.replace('index 7', 'index +7')],
    ['extra behind the index', (text: string) => text.replace('index 7', 'index 7\nextra AA==')],
    ['a short hash', (text: string) => text.replace('index 7', 'index 7\nAA==')],
    ['another version', (text: string) => text.replace('@v1', '@v2')],
    ['no checkpoint', (text: string) => text.slice(0, text.indexOf('\n\n') + 2)],
    ['no end', (text: string) => text.slice(0, -1)],
  ])('with %s are refused', (_, spoil) => {
    expect(() => parseTlogProof(spoil(formatTlogProof({ index: 7, proof: [], checkpoint })))).toThrow(Malformed)
  })
})

describe('bundles', () => {
  const entry = fc.uint8Array({ maxLength: 600, size: 'max' })

  test('read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20, size: 'max' }), (entries) => {
        expect(parseBundle(formatBundle(entries))).toEqual(entries)
      }),
    )
  })

  test('hold an entry behind its length', () => {
    expect(formatBundle([new Uint8Array(258).fill(7)]).subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 7))
  })

  test('that are cut off or too large are refused', () => {
    const bundle = formatBundle([new Uint8Array(3)])
    for (let length = 1; length < bundle.length; length++) {
      expect(() => parseBundle(bundle.subarray(0, length))).toThrow(Malformed)
    }
    const many = Array.from({ length: 257 }, () => new Uint8Array(0))
    expect(() => formatBundle(many)).toThrow('256 entries')
    expect(() => parseBundle(new Uint8Array(2 * 257))).toThrow(Malformed)
    expect(() => formatBundle([new Uint8Array(65_536)])).toThrow('65535 bytes')
  })
})

function subsets(names: readonly string[]): string[][] {
  return names.reduce<string[][]>((some, name) => [...some, ...some.map((set) => [...set, name])], [[]])
}

/** Lines of groups that split the witnesses in two, of thresholds that can be met, and a quorum of both. */
function groupings(names: readonly string[]): fc.Arbitrary<string[]> {
  const shape = fc.record({
    split: fc.integer({ min: 1, max: names.length - 1 }),
    left: fc.nat(),
    right: fc.nat(),
    both: fc.integer({ min: 1, max: 2 }),
    quorum: fc.constantFrom('left', 'right', 'both'),
  })
  return shape.map(({ split, left, right, both, quorum }) => {
    const [first, second] = [names.slice(0, split), names.slice(split)]
    return [
      `group left ${1 + (left % first.length)} ${first.join(' ')}`,
      `group right ${1 + (right % second.length)} ${second.join(' ')}`,
      `group both ${both} left right`,
      `quorum ${quorum}`,
    ]
  })
}
