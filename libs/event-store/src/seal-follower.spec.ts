import { sha256 } from '@careseal/crypto'
import { encodeHeader, headerHashOf, NO_HASH, type Header } from '@careseal/ledger-core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { followHeaders } from './seal-follower.js'
import { leaves, MemoryLedger } from './testing/ledger.fixture.js'

const START = { height: -1, headerHash: NO_HASH, nextIndex: 0 }
const runs = fc.array(fc.record({ ours: fc.nat(4), others: fc.nat(4) }), { minLength: 1, maxLength: 8 })

function ledgerOf(blocks: { ours: number; others: number }[]): MemoryLedger {
  const ledger = new MemoryLedger()
  const next = { audit: 1, records: 1 }
  for (const { ours, others } of blocks) {
    if (ours + others === 0) continue
    ledger.seal(...leaves('audit', next.audit, others), ...leaves('records', next.records, ours))
    next.audit += others
    next.records += ours
  }
  ledger.publish()
  return ledger
}

describe('following headers', () => {
  it('finds each leaf of the producer where it stands among all entries', async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (blocks) => {
        const ledger = ledgerOf(blocks)
        const { ranges } = followHeaders(START, await ledger.headers(0, 100), {
          producer: 'records',
          publishedSize: ledger.publishedSize,
        })
        const found = ranges.flatMap(({ fromSeq, count, firstIndex }) =>
          Array.from({ length: count }, (_, n) => ({ seq: fromSeq + n, index: firstIndex + n })),
        )
        const ours = blocks.reduce((sum, block) => sum + block.ours, 0)
        const looked = leaves('records', 1, ours).map((leaf) => ({ seq: leaf.seq, index: ledger.indexOf(leaf) }))
        expect(found).toEqual(looked)
      }),
    )
  })

  it('comes to the same end in one page as in many', async () => {
    await fc.assert(
      fc.asyncProperty(runs, fc.integer({ min: 1, max: 4 }), async (blocks, page) => {
        const ledger = ledgerOf(blocks)
        const about = { producer: 'records', publishedSize: ledger.publishedSize }
        const whole = followHeaders(START, await ledger.headers(0, 100), about)
        let cursor = START
        const ranges = []
        for (let height = 0; height < ledger.blocks.length; height += page) {
          const step = followHeaders(cursor, await ledger.headers(height, page), about)
          cursor = step.cursor
          ranges.push(...step.ranges)
        }
        expect({ cursor, ranges }).toEqual(whole)
      }),
    )
  })

  it('stops at the published checkpoint', async () => {
    const ledger = ledgerOf([{ ours: 2, others: 0 }])
    ledger.seal(...leaves('records', 3, 2))
    const followed = followHeaders(START, await ledger.headers(0, 100), {
      producer: 'records',
      publishedSize: ledger.publishedSize,
    })
    expect(followed.cursor.height).toBe(1)
    expect(followed.ranges).toMatchObject([{ fromSeq: 1, count: 2 }])
  })

  it.each([
    ['another predecessor', (header: Header) => ({ ...header, prevHash: '1'.repeat(64) }), /another predecessor/],
    ['another height', (header: Header) => ({ ...header, height: header.height + 1 }), /calls itself/],
    ['another first index', (header: Header) => ({ ...header, firstIndex: header.firstIndex + 1 }), /another index/],
  ])('refuses a header with %s', async (_name, change, message) => {
    const ledger = ledgerOf([{ ours: 2, others: 1 }])
    const [genesis] = await ledger.headers(0, 1)
    const forged = encodeHeader(change(ledger.blocks[1]!.header))
    const follow = () => followHeaders(START, [genesis!, forged], { producer: 'records', publishedSize: 1_000 })
    expect(follow).toThrow(message)
  })

  it('refuses what is no header at all', async () => {
    const ledger = ledgerOf([{ ours: 1, others: 0 }])
    const about = { producer: 'records', publishedSize: 1_000 }
    expect(() => followHeaders(START, [ledger.blocks[0]!.entries[0]!], about)).toThrow(/no readable header/)
    expect(() => followHeaders(START, [new Uint8Array([1, 2])], about)).toThrow(/no readable header/)
  })

  it('keeps the hash by which the next block names its predecessor', async () => {
    const ledger = ledgerOf([{ ours: 1, others: 0 }])
    const headers = await ledger.headers(0, 100)
    const { cursor } = followHeaders(START, headers, { producer: 'records', publishedSize: 1_000 })
    expect(cursor.headerHash).toBe(headerHashOf(sha256, headers.at(-1)!))
  })
})
