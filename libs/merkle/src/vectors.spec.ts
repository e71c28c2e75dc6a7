// The published vectors of RFC 6962 trees and C2SP tiles. They are data of others and not part of this repository.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CompactRange, merkleRoot } from './compact-range.js'
import { leafHash, type Hash } from './hash.js'
import {
  consistencyProof,
  coveringSubtrees,
  inclusionProof,
  isSubtree,
  subtreeConsistencyProof,
  type Range,
} from './proof.js'
import { nodeTile, parseTilePath, partialTiles, tileAt, tilePath } from './tiles.js'
import { verifyConsistency, verifyInclusion, verifySubtreeConsistency, verifySubtreeInclusion } from './verify.js'

const folder = fileURLToPath(new URL('../../../../shared/vectors/', import.meta.url))

function sha256(...chunks: Uint8Array[]): Hash {
  const running = createHash('sha256')
  for (const chunk of chunks) running.update(chunk)
  return new Uint8Array(running.digest())
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(folder + name, 'utf8')) as T
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex')
}

function bytesOf(text: string | null, encoding: BufferEncoding): Uint8Array {
  return new Uint8Array(Buffer.from(text ?? '', encoding))
}

function hash(text: string | undefined): Uint8Array {
  return bytesOf(text ?? null, 'base64')
}

function count(text: string | undefined): bigint {
  return BigInt(text!)
}

function text({ start, end }: Range): string {
  return `[${start}, ${end})`
}

type Case = Record<string, string> & { proof: string[] | null; wantErr: boolean }
type Cases = Record<'inclusion' | 'consistency' | 'subtreeinclusion' | 'subtreeconsistency', Case[]>

describe.skipIf(!existsSync(folder))('published Merkle cases', () => {
  const verdicts: { [Kind in keyof Cases]: (each: Case, proof: Hash[]) => boolean } = {
    inclusion: (each, proof) =>
      verifyInclusion(sha256, {
        index: count(each['leafIdx']),
        size: count(each['treeSize']),
        leafHash: hash(each['leafHash']),
        root: hash(each['root']),
        proof,
      }),
    consistency: (each, proof) =>
      verifyConsistency(sha256, {
        oldSize: count(each['size1']),
        newSize: count(each['size2']),
        oldRoot: hash(each['root1']),
        newRoot: hash(each['root2']),
        proof,
      }),
    subtreeinclusion: (each, proof) =>
      verifySubtreeInclusion(sha256, {
        index: count(each['leafIdx']),
        start: count(each['start']),
        end: count(each['end']),
        leafHash: hash(each['leafHash']),
        root: hash(each['root']),
        proof,
      }),
    subtreeconsistency: (each, proof) =>
      verifySubtreeConsistency(sha256, {
        start: count(each['start']),
        end: count(each['end']),
        size: count(each['size']),
        subtreeRoot: hash(each['root1']),
        root: hash(each['root2']),
        proof,
      }),
  }

  test.each([
    ['inclusion', 98],
    ['consistency', 98],
    ['subtreeinclusion', 204],
    ['subtreeconsistency', 118],
  ] as const)('%s: all %i verdicts are as published', (kind, cases) => {
    const all = read<Cases>('merkle-vectors.json')[kind]
    expect(all).toHaveLength(cases)
    const wrong = all.filter((each) => {
      const proof = (each.proof ?? []).map((text) => hash(text))
      return verdicts[kind](each, proof) === each.wantErr
    })
    expect(wrong.map((each) => each['file'])).toEqual([])
  })
})

describe.skipIf(!existsSync(folder))('the RFC 6962 reference tree', () => {
  type Reference = {
    empty_root: string
    leaf_inputs_hex: string[]
    leaf_hashes: string[]
    roots_by_size: string[]
    inclusion: Record<string, string[]>
    consistency: Record<string, string[]>
    subtree_accumulators: Record<'subtree_hash' | 'inclusion' | 'consistency' | 'covering', string>
  }
  const reference = existsSync(folder) ? read<Reference>('rfc6962-reference.json') : ({} as Reference)
  const leaves = (reference.leaf_inputs_hex ?? []).map((input) => leafHash(sha256, bytesOf(input, 'hex')))
  const rangeHash = ({ start, end }: Range, of = leaves) => merkleRoot(sha256, of.slice(start, end))

  test('has its leaf hashes and roots', () => {
    expect(leaves.map(hex)).toEqual(reference.leaf_hashes)
    const roots = reference.roots_by_size.map((_, end) => hex(rangeHash({ start: 0, end })))
    expect(roots).toEqual(reference.roots_by_size)
    expect(roots[0]).toBe(reference.empty_root)
  })

  test('has its inclusion proofs', async () => {
    for (const [key, expected] of Object.entries(reference.inclusion)) {
      const [index, size] = key.split('@').map(Number)
      const proof = await inclusionProof(index!, size!, (start, end) => rangeHash({ start, end }))
      expect(proof.map(hex)).toEqual(expected)
    }
  })

  test('has its consistency proofs', async () => {
    for (const [key, expected] of Object.entries(reference.consistency)) {
      const [oldSize, newSize] = key.split('->').map(Number)
      const proof = await consistencyProof(oldSize!, newSize!, (start, end) => rangeHash({ start, end }))
      expect(proof.map(hex)).toEqual(expected)
    }
  })

  // The draft's accumulated values over a tree of 130 leaves: one SHA-256 over a line per subtree.
  const many = Array.from({ length: 130 }, (_, i) => leafHash(sha256, Uint8Array.of(i)))
  const known = new Map<string, Hash>()
  const manyHash = (start: number, end: number) => {
    const hash = known.get(`${start},${end}`) ?? rangeHash({ start, end }, many)
    known.set(`${start},${end}`, hash)
    return hash
  }
  const ranges = Array.from({ length: 131 }, (_, end) =>
    Array.from({ length: end + 1 }, (_, start) => ({ start, end })),
  ).flat()
  const subtrees = ranges.filter(({ start, end }) => isSubtree(start, end))

  test('has the accumulated subtree hashes', () => {
    const all = createHash('sha256')
    for (const range of subtrees) all.update(`${text(range)} ${hex(manyHash(range.start, range.end))}\n`)
    expect(all.digest('hex')).toBe(reference.subtree_accumulators.subtree_hash)
  })

  test('has the accumulated subtree inclusion proofs', async () => {
    const all = createHash('sha256')
    for (const { start, end } of subtrees) {
      for (let index = start; index < end; index++) {
        const proof = await inclusionProof(index - start, end - start, (a, b) => manyHash(start + a, start + b))
        all.update([index, text({ start, end }), ...proof.map(hex)].join(' ') + '\n')
      }
    }
    expect(all.digest('hex')).toBe(reference.subtree_accumulators.inclusion)
  })

  test('has the accumulated subtree consistency proofs', async () => {
    const all = createHash('sha256')
    for (let size = 0; size <= 130; size++) {
      for (const range of subtrees.filter(({ end }) => end <= size)) {
        const proof = range.start === range.end ? [] : await subtreeConsistencyProof(range, size, manyHash)
        all.update([text(range), size, ...proof.map(hex)].join(' ') + '\n')
      }
    }
    expect(all.digest('hex')).toBe(reference.subtree_accumulators.consistency)
  })

  test('has the accumulated coverings', () => {
    const all = createHash('sha256')
    for (const { start, end } of ranges) all.update(coveringSubtrees(start, end).map(text).join(' ') + '\n')
    expect(all.digest('hex')).toBe(reference.subtree_accumulators.covering)
  })
})

describe.skipIf(!existsSync(folder))('published tile paths', () => {
  type Paths = {
    index_path: [string, string][]
    tile: { level: number; index: string; partial: number; path: string }[]
    entries_for_log_index: { seq: string; size: string; path: string }[]
    parse_ok: { level: string; index: string; n: string; w: number }[]
    parse_reject: [string, string][]
    size_70000: Record<string, number>
    node_to_tile: Record<string, number>[]
  }
  const paths = existsSync(folder) ? read<Paths>('tile-paths.json') : ({} as Paths)

  test('are written as published', () => {
    for (const [index, path] of paths.index_path) {
      expect(tilePath({ level: 0, index: BigInt(index), width: 256 })).toBe(`tile/0/${path}`)
    }
    for (const { level, index, partial, path } of paths.tile) {
      expect(tilePath({ level, index: BigInt(index), width: partial || 256 })).toBe(path)
    }
    for (const { seq, size, path } of paths.entries_for_log_index) {
      const tile = tileAt(Number(size), 'entries', Math.floor(Number(seq) / 256))
      expect(tile && tilePath(tile)).toBe(path)
    }
  })

  test('are read as published', () => {
    for (const { level, index, n, w } of paths.parse_ok) {
      const expected = { level: Number(level), index: BigInt(n), width: w || 256 }
      expect(parseTilePath(`tile/${level}/${index}`)).toEqual(expected)
    }
    for (const [level, index] of paths.parse_reject) expect(parseTilePath(`tile/${level}/${index}`)).toBeNull()
  })

  test('have the published geometry', () => {
    expect(partialTiles(70_000).map(({ width }) => width)).toEqual([
      paths.size_70000['partial_l0'],
      paths.size_70000['partial_l1'],
      paths.size_70000['partial_l2'],
    ])
    for (const each of paths.node_to_tile) {
      const place = nodeTile(each['tree_level']!, each['tree_index']!)
      expect([place.tileLevel, place.tileIndex, place.level, place.first / place.count]).toEqual([
        each['tile_level'],
        each['tile_index'],
        each['node_level'],
        each['node_index'],
      ])
    }
  })
})

describe.skipIf(!existsSync(folder))('a real tiled log', () => {
  type Log = { leaves: string[]; leaf_hashes_hex: string[]; checkpoints: { size: number; root_hex: string }[] }
  type Proofs = { inclusion_15: string[][]; consistency_to_15: Record<string, string[]> }
  const log = existsSync(folder)
    ? read<Log & Proofs>('tessera-testlog.json')
    : ({ leaves: [] } as unknown as Log & Proofs)
  const leaves = log.leaves.map((leaf) => leafHash(sha256, bytesOf(leaf, 'utf8')))
  const rangeHash = (start: number, end: number) => merkleRoot(sha256, leaves.slice(start, end))

  test('has the roots of its sixteen checkpoints', () => {
    expect(leaves.map(hex)).toEqual(log.leaf_hashes_hex)
    const range = CompactRange.empty(sha256)
    expect(log.checkpoints).toHaveLength(16)
    for (const { size, root_hex } of log.checkpoints) {
      if (size > 0) range.append(leaves[size - 1]!)
      expect(hex(range.root())).toBe(root_hex)
    }
  })

  test('has its proofs at size 15', async () => {
    for (const [index, expected] of log.inclusion_15.entries()) {
      expect((await inclusionProof(index, 15, rangeHash)).map(hex)).toEqual(expected)
    }
    for (const [size, expected] of Object.entries(log.consistency_to_15)) {
      expect((await consistencyProof(Number(size), 15, rangeHash)).map(hex)).toEqual(expected)
    }
  })

  test('has its partial tiles', () => {
    let read = 0
    for (let width = 1; width <= 15; width++) {
      const file = `${folder}tessera-testlog/${tilePath({ level: 0, index: 0, width })}`
      if (!existsSync(file)) continue
      expect(readFileSync(file).toString('hex')).toBe(leaves.slice(0, width).map(hex).join(''))
      read += 1
    }
    expect(read).toBe(15)
  })
})
