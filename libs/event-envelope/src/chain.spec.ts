import { fromHex, hex, sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstLinkOf, leafHashOf, nextLinkOf } from './chain.js'

const hash = fc.stringMatching(/^[0-9a-f]{64}$/)
const producer = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4}){0,2}$/)
const leaf = fc.record({
  producer,
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  tag: hash,
  commitment: hash,
})

describe('the chain in hexadecimal', () => {
  it('is that of the ledger', () => {
    fc.assert(
      fc.property(leaf, hash, (leaf, previous) => {
        const leafHash = leafEntryHash(sha256, leaf)
        expect(leafHashOf(leaf)).toBe(hex(leafHash))
        expect(nextLinkOf(previous, hex(leafHash))).toBe(hex(nextLink(sha256, fromHex(previous), leafHash)))
        expect(firstLinkOf('ledger.example/a', leaf.producer)).toBe(
          hex(firstLink(sha256, 'ledger.example/a', leaf.producer)),
        )
      }),
    )
  })
})
