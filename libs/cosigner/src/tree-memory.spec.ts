import { sha256 } from '@careseal/crypto'
import { nothingKnown, type KnownTree } from '@careseal/ledger-core'
import { consistencyProof, merkleRoot, type Hash } from '@careseal/merkle'
import { describe, expect, it } from 'vitest'
import { TreeMemory } from './tree-memory.js'

type Seen = KnownTree & { at: number }

const leaves = (count: number): Hash[] => Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i)))
const treeOf = (size: number): KnownTree => ({ size, root: merkleRoot(sha256, leaves(size)) })

async function requestOf(oldSize: number, size: number) {
  const rangeHash = (start: number, end: number) => merkleRoot(sha256, leaves(size).slice(start, end))
  const proof = oldSize > 0 && oldSize < size ? await consistencyProof(oldSize, size, rangeHash) : []
  return { oldSize, ...treeOf(size), proof }
}

/** A store that keeps what it was told, and can be made to fail before or after it does. */
function storeOf(first: Seen) {
  const store = { kept: first, writes: 0, fails: null as 'before' | 'after' | null }
  const replace = async (memory: Seen) => {
    store.writes += 1
    if (store.fails === 'before') throw new Error('ENOSPC')
    store.kept = memory
    if (store.fails === 'after') throw new Error('EIO')
  }
  return Object.assign(store, { read: async () => store.kept, replace })
}

const NOTHING: Seen = { ...nothingKnown(sha256), at: 0 }
const same = (known: Seen) => known
const seenAt = (at: number) => (_known: Seen, accepted: KnownTree) => ({ ...accepted, at })

describe('the memory of a cosigner', () => {
  it('moves by swaps that continue what it knows', async () => {
    const store = storeOf(NOTHING)
    const memory = new TreeMemory(store, NOTHING)
    expect(await memory.swap(await requestOf(0, 5), seenAt(1))).toEqual({ remembered: { ...treeOf(5), at: 1 } })
    expect(await memory.swap(await requestOf(0, 5), seenAt(2))).toEqual({ conflict: 5 })
    expect(await memory.swap(await requestOf(5, 9), seenAt(3))).toEqual({ remembered: { ...treeOf(9), at: 3 } })
    expect(store.kept).toEqual({ ...treeOf(9), at: 3 })
    expect(memory.known).toEqual(store.kept)
  })

  it('lets of many swaps at once win one, and never answers from before another', async () => {
    const memory = new TreeMemory(storeOf(NOTHING), NOTHING)
    const requests = await Promise.all([7, 5, 9, 6].map((size) => requestOf(0, size)))
    const outcomes = await Promise.all(requests.map((request, i) => memory.swap(request, seenAt(i))))
    expect(outcomes.map((outcome) => 'remembered' in outcome)).toEqual([true, false, false, false])
    expect(outcomes.slice(1)).toEqual([{ conflict: 7 }, { conflict: 7 }, { conflict: 7 }])
  })

  it.each(['before', 'after'] as const)(
    'answers nothing when the store fails %s it has kept, and mends it',
    async (when) => {
      const store = storeOf({ ...treeOf(5), at: 0 })
      const memory = new TreeMemory(store, store.kept)
      store.fails = when
      await expect(memory.swap(await requestOf(5, 9), seenAt(1))).rejects.toThrow(/ENOSPC|EIO/)
      store.fails = null
      const size = when === 'before' ? 5 : 9
      expect(await memory.swap(await requestOf(size, size), same)).toEqual({ remembered: store.kept })
      expect(store.writes).toBe(2)
      await memory.swap(await requestOf(size, size), same)
      expect(store.writes).toBe(2)
    },
  )

  it('makes durable what another process wrote before it answers for it', async () => {
    const store = storeOf({ ...treeOf(5), at: 0 })
    const memory = new TreeMemory(store, store.kept)
    store.kept = { ...treeOf(9), at: 1 }
    expect(await memory.swap(await requestOf(9, 9), same)).toEqual({ remembered: store.kept })
    expect(store.writes).toBe(1)
    await memory.swap(await requestOf(9, 9), same)
    expect(store.writes).toBe(1)
  })

  it('reads the store before each swap, for another process may have written', async () => {
    const store = storeOf(NOTHING)
    const memory = new TreeMemory(store, NOTHING)
    store.kept = { ...treeOf(9), at: 1 }
    expect(await memory.swap(await requestOf(0, 5), seenAt(2))).toEqual({ conflict: 9 })
  })
})
