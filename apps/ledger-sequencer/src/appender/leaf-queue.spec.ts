import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeafQueue, type PendingLeaf } from './leaf-queue.js'

const leaf = (producer: string, seq: number): PendingLeaf => ({ producer, seq, tag: '', commitment: '', link: '' })

async function takeAll(queue: LeafQueue): Promise<PendingLeaf[][]> {
  const batches: PendingLeaf[][] = []
  for (let batch = await queue.take(); batch !== null; batch = await queue.take()) batches.push(batch)
  return batches
}

describe('the queue of leaves', () => {
  it('is interrupted while it waits and while it is held, and keeps what it holds', async () => {
    const queue = new LeafQueue({ batchMax: 5, lingerMs: 0 })
    queue.interrupt()
    expect(await queue.take()).toEqual([])
    queue.hold(60_000)
    await queue.offer([leaf('audit', 1)])
    const taken = queue.take()
    queue.interrupt()
    expect(await taken).toEqual([])
    queue.release()
    expect(await queue.take()).toEqual([leaf('audit', 1)])
  })

  it('gives what waits once a hold is over', async () => {
    const queue = new LeafQueue({ batchMax: 5, lingerMs: 0 })
    queue.hold(20)
    await queue.offer([leaf('audit', 1)])
    expect(await queue.take()).toEqual([leaf('audit', 1)])
  })

  it('gives every leaf once, in each producer’s order, grouped by producer within a batch', async () => {
    const names = fc.array(fc.constantFrom('audit', 'consent', 'records'), { minLength: 1, maxLength: 50, size: 'max' })
    const cases = fc.asyncProperty(names, fc.integer({ min: 1, max: 9 }), async (producers, batchMax) => {
      const next = new Map<string, number>()
      const queue = new LeafQueue({ batchMax, lingerMs: 0 })
      const taken = takeAll(queue)
      for (const producer of producers) {
        const seq = (next.get(producer) ?? 0) + 1
        next.set(producer, seq)
        await queue.offer([leaf(producer, seq)])
      }
      queue.close()
      const batches = await taken
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(batchMax)
        expect(batch.map((one) => one.producer)).toEqual(batch.map((one) => one.producer).toSorted())
      }
      for (const [producer, count] of next) {
        const seqs = batches.flat().filter((one) => one.producer === producer)
        expect(seqs.map((one) => one.seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
      }
    })
    await fc.assert(cases, { numRuns: 100 })
  })

  it('makes whoever offers wait while two batches wait already', async () => {
    const queue = new LeafQueue({ batchMax: 2, lingerMs: 0 })
    let accepted = false
    const offer = queue.offer([1, 2, 3, 4].map((seq) => leaf('audit', seq))).then(() => (accepted = true))
    await new Promise(setImmediate)
    expect(accepted).toBe(false)
    await queue.take()
    await offer
    expect(accepted).toBe(true)
  })

  it('does not linger once a batch is full', async () => {
    const queue = new LeafQueue({ batchMax: 2, lingerMs: 60_000 })
    const batch = queue.take()
    void queue.offer([leaf('audit', 1)])
    await new Promise(setImmediate)
    void queue.offer([leaf('audit', 2)])
    expect(await batch).toHaveLength(2)
  })

  it('accepts nothing after it was closed', async () => {
    const queue = new LeafQueue({ batchMax: 2, lingerMs: 0 })
    queue.close()
    await queue.offer([leaf('audit', 1)])
    expect(await queue.take()).toBeNull()
  })
})
