import { sha256 } from '@careseal/crypto'
import {
  COSIGNATURE_V1,
  cosigner,
  ED25519,
  formatVkey,
  parsePolicy,
  signNote,
  verifyCheckpoint,
  vkeyOf,
} from '@careseal/ledger-core'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PRIMITIVES } from '../verify/primitives.js'
import { policyLogs, quorumCheck } from './quorum-check.js'
import { checkpointNote, smallLedger, vkey as logVkey } from './small-export.fixture.js'

const witnesses = ['a', 'b', 'c', 'd'].map((name) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const bytes = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  const key = vkeyOf(sha256, { name: `witness.example/${name}`, type: COSIGNATURE_V1, publicKey: bytes })
  return {
    name,
    vkey: formatVkey(key),
    plainVkey: formatVkey(vkeyOf(sha256, { name: key.name, type: ED25519, publicKey: bytes })),
    at: (time: number) => cosigner(key, time, (message) => sign(null, message, privateKey)),
  }
})

const NAMED = [
  `log ${logVkey}`,
  ...witnesses.map(({ name, vkey }) => `witness ${name}\t${vkey} https://${name}.example`),
]
const policyOf = (...lines: string[]) => ['# who has to co-sign', ...NAMED, ...lines].join('\n')
const PLAIN = policyOf('group g 2 a b c', 'quorum g').replace(witnesses[0]!.vkey, witnesses[0]!.plainVkey)
const TWO = policyOf('group g 2 a b c', 'quorum g')
const NESTED = policyOf('group inner any c d', 'group outer all a inner', 'quorum outer')

/** The checkpoint of a small ledger with the cosignatures of these. */
async function cosignedBy(...names: string[]): Promise<string> {
  const { note } = await checkpointNote(smallLedger(), 1_790_000_000)
  const text = note.slice(0, note.indexOf('\n\n') + 1)
  const log = note.slice(text.length + 1).split('\n')[0]
  const signers = witnesses.filter(({ name }) => names.includes(name)).map(({ at }, i) => at(1_790_000_000 + i))
  const [first, ...others] = signers
  const cosigned = first ? await signNote(text, first, ...others) : `${text}\n`
  return `${text}\n${log}\n${cosigned.slice(text.length + 1)}`
}

function held(note: string, policy: string): boolean {
  const { checked, violations } = quorumCheck([note], policy).result()
  expect(checked).toBe(1)
  return violations.length === 0
}

describe('the quorum of a published checkpoint', () => {
  it.each<[string, string[], string, boolean]>([
    ['two of three', ['a', 'c'], TWO, true],
    ['one of three', ['b'], TWO, false],
    ['two of three, one of them named by its plain key', ['a', 'c'], PLAIN, true],
    ['one of three and not the one with the plain key', ['c'], PLAIN, false],
    ['nobody', [], TWO, false],
    ['one of three and one who is not asked', ['b', 'd'], TWO, false],
    ['all of a group whose member is a group', ['a', 'd'], NESTED, true],
    ['a group in a group alone', ['c', 'd'], NESTED, false],
    ['the one witness that is the quorum', ['c'], policyOf('quorum c'), true],
  ])('is judged as the product does, for %s', async (_who, names, policy, expected) => {
    const note = await cosignedBy(...names)
    expect(held(note, policy)).toBe(expected)
    const trust = { policy: parsePolicy(sha256, policy) }
    const verdict = verifyCheckpoint(note, trust, PRIMITIVES)
    expect(
      await verdict.then(
        () => true,
        () => false,
      ),
    ).toBe(expected)
  })

  it('is not met by cosignatures of another checkpoint, and the violation names who did sign', async () => {
    const note = (await cosignedBy('a', 'b')).replace('\n305\n', '\n204\n')
    expect(quorumCheck([note], TWO).result().violations).toEqual([
      { invariant: 'I18', what: 'of its witnesses none co-signed it', where: 'checkpoint 204' },
    ])
    const [violation] = quorumCheck([await cosignedBy('b')], TWO).result().violations
    expect(violation?.what).toBe('of its witnesses only b co-signed it')
  })

  it('is nothing to look at where a policy asks for none', () => {
    expect(quorumCheck(['any note'], policyOf('quorum none')).result()).toMatchObject({
      checked: 0,
      violations: [],
    })
    expect(policyLogs(TWO)).toEqual([logVkey])
  })
})
