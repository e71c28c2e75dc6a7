// What clients saw of the ledger while it was struck is what the ledger is in the end, and no client saw it go back.
import type { Entry } from '../../load/history.js'
import type { Facts } from '../facts.js'
import { cosignatureTimes } from '../naive-note.js'
import { NaiveTree } from '../naive.js'
import { Check, type CheckResult } from '../result.js'

export function seenIsFinal(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('checkpoints and blocks that clients saw are those of the ledger', ['I4', 'I5'])
  const tree = new NaiveTree(facts.entryHashes)
  const hashes = new Map(facts.blocks.map(({ height, hash }) => [height, hash]))
  const blockEnds = new Set(facts.blocks.map(({ treeSize }) => treeSize))
  const rootAt = once((size: number) => (blockEnds.has(size) ? tree.rootAt(size) : undefined))
  for (const { n, checkpoint, blocks = [] } of entries) {
    if (checkpoint) {
      check.expect(rootAt(checkpoint.size) === checkpoint.root, () => ({
        invariant: 'I5',
        what: 'the ledger has another root at this size, or no block ends there',
        where: `checkpoint of size ${checkpoint.size}, entry ${n}`,
      }))
    }
    for (const { height, hash } of blocks) {
      const where = `block ${height}, entry ${n}`
      check.expect(hashes.get(height) === hash, () => ({
        invariant: 'I4',
        what: 'the ledger has another block',
        where,
      }))
    }
  }
  return check.result()
}

export function seenNeverGoesBack(entries: readonly Entry[]): CheckResult {
  const check = new Check('what a client sees of the ledger never goes back', ['I8'])
  const newest = new Map<string, number>()
  const expectOnwards = ({ client, n }: Entry, what: string, value: number) => {
    const before = newest.get(`${client} ${what}`) ?? -1
    const where = `client ${client}, entry ${n}`
    check.expect(value >= before, () => ({ invariant: 'I8', what: `${what} went from ${before} to ${value}`, where }))
    newest.set(`${client} ${what}`, Math.max(before, value))
  }
  for (const entry of entries) {
    if (entry.checkpoint) {
      expectOnwards(entry, 'the size of the checkpoint', entry.checkpoint.size)
      for (const [witness, time] of cosignatureTimes(entry.checkpoint.note))
        expectOnwards(entry, `the time at which ${witness} co-signed`, time)
    }
    const block = entry.blocks?.at(-1)
    if (!block) continue
    expectOnwards(entry, 'the height of the newest block', block.height)
    expectOnwards(entry, 'the time of the newest block', block.time)
  }
  return check.result()
}

function once<Value>(work: (key: number) => Value): (key: number) => Value {
  const known = new Map<number, Value>()
  return (key) => {
    if (!known.has(key)) known.set(key, work(key))
    return known.get(key)!
  }
}
