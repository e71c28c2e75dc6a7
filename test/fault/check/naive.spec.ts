import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyEd25519 } from '@careseal/cosigner'
import { encodeLeaf, parsePolicy, verifyCheckpoint } from '@careseal/ledger-core'
import { leafHash, merkleRoot } from '@careseal/merkle'
import { LOG, QUORUM, signedNote, WITNESSES } from './made-notes.fixture.js'
import { cosignatureTimes, isCosigned, isSignedBy, naivePolicy } from './naive-note.js'
import { entryHash, leafEntry, NaiveTree, sha256 } from './naive.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const digits = fc.stringMatching(/^[0-9a-f]{64}$/)

describe('the naive ledger formats', () => {
  it('agree with the product on every root', () => {
    const property = fc.property(fc.array(digits, { maxLength: 70, size: 'max' }), fc.nat(70), (hashes, asked) => {
      const size = Math.min(asked, hashes.length)
      const expected = merkleRoot(
        sha256,
        hashes.slice(0, size).map((one) => Buffer.from(one, 'hex')),
      )
      expect(new NaiveTree(hashes).rootAt(size)).toBe(hex(expected))
    })
    fc.assert(property)
  })

  it('agree with the product on leaves', () => {
    const producer = fc.stringMatching(/^[a-z]{1,9}$/)
    const leaf = fc.record({ producer, seq: fc.integer({ min: 1, max: 1e9 }), tag: digits, commitment: digits })
    const property = fc.property(leaf, (one) => {
      expect(hex(leafEntry(one))).toBe(hex(encodeLeaf(one)))
      expect(hex(entryHash(leafEntry(one)))).toBe(hex(leafHash(sha256, encodeLeaf(one))))
    })
    fc.assert(property)
  })

  it('agree with the product on policies, signatures and cosignatures', async () => {
    const text = [
      `log ${LOG.vkey}`,
      ...WITNESSES.map(({ name, vkey }) => `witness ${name} ${vkey}`),
      `group g ${QUORUM} ${WITNESSES.map(({ name }) => name).join(' ')}`,
      'quorum g',
    ].join('\n')
    const { quorum, witnesses, logVkeys } = naivePolicy(text)
    const policy = parsePolicy(sha256, text)
    expect([policy.groups[0]?.threshold, policy.witnesses.length]).toEqual([quorum, witnesses.size])
    const time = 1_790_000_000
    const note = signedNote({ size: 9, root: 'ab'.repeat(32) }, time, WITNESSES.slice(1))
    const { cosignatures } = await verifyCheckpoint(note, { policy }, { sha256, verifyEd25519 })
    const naive = [...witnesses].filter(([, vkey]) => isCosigned(note, vkey)).map(([name]) => name)
    expect(naive).toEqual(cosignatures.map(({ witness }) => witness))
    expect([...cosignatureTimes(note).values()]).toEqual([time, time])
    expect(logVkeys.map((vkey) => isSignedBy(note, vkey))).toEqual([true])
    expect(isSignedBy(note.replace('\n9\n', '\n8\n'), LOG.vkey)).toBe(false)
    expect(isCosigned(note.replace('\n9\n', '\n8\n'), WITNESSES[1]!.vkey)).toBe(false)
  })
})
