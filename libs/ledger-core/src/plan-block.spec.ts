import { hex, sha256, utf8 } from '@careseal/crypto'
import { leafHash, type Hash } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafEntryHash, NO_HASH, type Genesis, type Leaf } from './entry.js'
import { parseEntry } from './entry-parse.js'
import { firstLink } from './link.js'
import { Malformed } from './malformed.js'
import {
  EMPTY_HEAD,
  headerHashOf,
  headFrom,
  leafIndexOf,
  planBlock,
  planHashedBlock,
  treeSizeOf,
  type Head,
  type PlannedBlock,
} from './plan-block.js'

const ORIGIN = 'ledger.example.org/test'
const genesis: Genesis = {
  origin: ORIGIN,
  logKeys: ['log-key'],
  operators: ['operator-key'],
  producers: {
    records: hex(firstLink(sha256, ORIGIN, 'records')),
    consent: hex(firstLink(sha256, ORIGIN, 'consent')),
  },
  previous: null,
}
const admin = { type: 'note', data: null, approvals: [] }

function leafOf(producer: string, seq: number): Leaf {
  return {
    producer,
    seq,
    tag: hex(sha256(utf8(`tag ${producer} ${seq}`))),
    commitment: hex(sha256(utf8(`commitment ${producer} ${seq}`))),
  }
}

function hashesOf(...leaves: Leaf[]): Hash[] {
  return leaves.map((leaf) => leafEntryHash(sha256, leaf))
}

function genesisBlock(): PlannedBlock {
  return planBlock({ head: EMPTY_HEAD, controls: [{ genesis }], leaves: [], epoch: 0, time: 1_790_000_000 }, sha256)
}

const three = [leafOf('records', 1), leafOf('consent', 1), leafOf('consent', 2)]

describe('the formats that can never change', () => {
  test('block 0: genesis and header, and a tree of two', () => {
    const block = genesisBlock()
    expect(block.header).toEqual({
      height: 0,
      prevHash: NO_HASH,
      firstIndex: 0,
      count: 1,
      controls: 1,
      root: 'b051ae116f0413f8f5826a29d3c460c2b06e50f18c5aaf39eec935753074df7e',
      runs: [],
      epoch: 0,
      time: 1_790_000_000,
    })
    expect(block.headerHash).toBe('dd9c04cf8e811d5bf230c920643e3fd1e8135267338fa4829ec257d1a5d0409b')
    expect(block.newHead.treeSize).toBe(2)
    expect(hex(block.root)).toBe('441a1440ce503402d79bbd2b341cbf63062ebecb4f821f744fe375826fdbb935')
  })

  test('block 1: the leaves of two producers', () => {
    const block = planBlock({ head: genesisBlock().newHead, leaves: three, epoch: 1, time: 1_790_000_001 }, sha256)
    expect(block.header.root).toBe('27a8f3e1f073fa611edcedab92596406297aeeae9b5b546dd82bec1405571d69')
    expect(block.header.runs).toEqual([
      { producer: 'consent', fromSeq: 1, count: 2 },
      { producer: 'records', fromSeq: 1, count: 1 },
    ])
    expect(block.headerHash).toBe('7c1c32f61211115d25ace2380ab36bb323c58c8c21776ecb5793ce30ffd281f8')
    expect(hex(block.root)).toBe('e9563c79c2e9e4473998abdac15496489ba698ecca58125aa04efd8923de4e8e')
  })
})

const names = ['audit', 'consent', 'consent-2', 'identity', 'records']
/** Some blocks, each as how many leaves each producer brings and how many controls; never empty. */
const ledger = fc.array(
  fc
    .record({
      controls: fc.nat(2),
      counts: fc.tuple(...names.map(() => fc.nat(4))),
      order: fc.shuffledSubarray(names, { minLength: names.length }),
    })
    .filter(({ controls, counts }) => controls + counts.reduce((a, b) => a + b) > 0),
  { maxLength: 6 },
)

function planned(blocks: { controls: number; counts: number[]; order: string[] }[]): PlannedBlock[] {
  const next = new Map(names.map((name) => [name, 1]))
  const all = [genesisBlock()]
  for (const { controls, counts, order } of blocks) {
    const leaves = order.flatMap((name) => {
      const from = next.get(name)!
      next.set(name, from + counts[names.indexOf(name)]!)
      return Array.from({ length: next.get(name)! - from }, (_, i) => leafOf(name, from + i))
    })
    const input = { head: all.at(-1)!.newHead, leaves, epoch: all.length, time: 1_790_000_000 + all.length }
    all.push(planBlock({ ...input, controls: Array.from({ length: controls }, () => ({ admin })) }, sha256))
  }
  return all
}

describe('a planned block', () => {
  test('puts every leaf at firstIndex + controls + offset + seq − fromSeq', () => {
    fc.assert(
      fc.property(ledger, (blocks) => {
        const all = planned(blocks)
        const entries = all.flatMap((block) => block.entries)
        let found = 0
        for (const [index, bytes] of entries.entries()) {
          const entry = parseEntry(bytes)
          if (!('leaf' in entry)) continue
          const { producer, seq } = entry.leaf
          const places = all.map(({ header }) => leafIndexOf(header, producer, seq)).filter((each) => each !== null)
          expect(places).toEqual([index])
          found += 1
        }
        expect(found).toBe(blocks.flatMap(({ counts }) => counts).reduce((a, b) => a + b, 0))
      }),
    )
  })

  test('counts what it holds, follows its parent, and ends with its header', () => {
    fc.assert(
      fc.property(ledger, (blocks) => {
        let size = 0
        let parent = NO_HASH
        for (const [height, block] of planned(blocks).entries()) {
          const { header } = block
          const leaves = header.runs.reduce((sum, run) => sum + run.count, 0)
          expect(header.count).toBe(header.controls + leaves)
          expect(header.count).toBeGreaterThanOrEqual(1)
          expect([header.height, header.firstIndex, header.prevHash]).toEqual([height, size, parent])
          expect(block.entries).toHaveLength(header.count + 1)
          expect(block.entries.at(-1)).toEqual(block.headerBytes)
          size += header.count + 1
          parent = headerHashOf(sha256, block.headerBytes)
          expect(treeSizeOf(header)).toBe(size)
          expect(block.newHead).toMatchObject({ treeSize: size, height, headerHash: parent })
        }
      }),
    )
  })

  test('has the roots of the RFC recursion, before and with its header', () => {
    fc.assert(
      fc.property(ledger, (blocks) => {
        const hashes: Hash[] = []
        for (const block of planned(blocks)) {
          expect(block.leafHashes).toEqual(block.entries.map((entry) => leafHash(sha256, entry)))
          hashes.push(...block.leafHashes)
          expect(block.header.root).toBe(hex(naiveRoot(sha256, hashes.slice(0, -1))))
          expect(block.root).toEqual(naiveRoot(sha256, hashes))
        }
      }),
    )
  })

  test('is the same whatever the order in which producers come, and whether leaves come hashed', () => {
    const head = genesisBlock().newHead
    const input = { head, epoch: 1, time: 1_790_000_001 }
    const { entries, leafHashes: _, ...block } = planBlock({ ...input, leaves: three }, sha256)
    const mixed = planBlock({ ...input, leaves: [three[1]!, three[0]!, three[2]!] }, sha256)
    expect(mixed.entries).toEqual(entries)
    const runs = [
      { producer: 'consent', fromSeq: 1, hashes: hashesOf(three[1]!, three[2]!) },
      { producer: 'records', fromSeq: 1, hashes: hashesOf(three[0]!) },
    ]
    expect(planHashedBlock({ ...input, runs }, sha256)).toEqual({ ...block, controls: [] })
    expect(() => planHashedBlock({ ...input, runs: runs.toReversed() }, sha256)).toThrow(Malformed)
    expect(() => planHashedBlock({ ...input, runs: [{ ...runs[0]!, hashes: [] }] }, sha256)).toThrow(Malformed)
  })

  test('goes on from a head that was stored', () => {
    const { hashes, ...rest } = genesisBlock().newHead
    const stored = JSON.parse(JSON.stringify({ ...rest, hashes: hashes.map(hex) })) as typeof rest & {
      hashes: string[]
    }
    const input = { leaves: three, epoch: 1, time: 1_790_000_001 }
    expect(planBlock({ ...input, head: headFrom(stored) }, sha256)).toEqual(
      planBlock({ ...input, head: genesisBlock().newHead }, sha256),
    )
  })

  test('tells of every perfect subtree that it completes', () => {
    const told: string[] = []
    const input = { head: genesisBlock().newHead, leaves: three, epoch: 1, time: 1_790_000_001 }
    planBlock(input, sha256, (level, index) => told.push(`${level}/${index}`))
    expect(told.toSorted()).toEqual(['0/2', '0/3', '0/4', '0/5', '1/1', '1/2', '2/0'])
  })

  test('holds its time when the clock went back', () => {
    const head: Head = { ...genesisBlock().newHead, time: 1_790_000_500 }
    expect(planBlock({ head, leaves: three, epoch: 1, time: 1_790_000_001 }, sha256).header.time).toBe(1_790_000_500)
  })

  test('takes no gap, no repetition, no older epoch, no empty input, no second genesis', () => {
    const head = genesisBlock().newHead
    const input = { head, leaves: three, epoch: 1, time: 1 }
    const plan = (change: object) => () => planBlock({ ...input, ...change }, sha256)
    expect(plan({ leaves: [leafOf('consent', 1), leafOf('consent', 3)] })).toThrow('follow one another')
    expect(plan({ leaves: [leafOf('consent', 1), leafOf('consent', 1)] })).toThrow('follow one another')
    expect(plan({ leaves: [leafOf('consent', 2), leafOf('consent', 1)] })).toThrow('follow one another')
    expect(plan({ head: { ...head, epoch: 2 } })).toThrow('never goes back')
    expect(plan({ leaves: [] })).toThrow('not empty')
    expect(plan({ controls: [{ genesis }] })).toThrow('genesis alone')
    expect(plan({ head: EMPTY_HEAD })).toThrow('genesis alone')
    expect(plan({ head: EMPTY_HEAD, controls: [{ genesis }] })).toThrow('genesis alone')
  })

  test('does not know a leaf that it does not hold', () => {
    const { header } = planBlock({ head: genesisBlock().newHead, leaves: three, epoch: 1, time: 1 }, sha256)
    expect(leafIndexOf(header, 'consent', 0)).toBeNull()
    expect(leafIndexOf(header, 'consent', 3)).toBeNull()
    expect(leafIndexOf(header, 'identity', 1)).toBeNull()
    expect(leafIndexOf(header, 'records', 1)).toBe(4)
  })
})
