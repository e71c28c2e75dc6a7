import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { inParallel } from './in-parallel.js'

describe('work on many items at once', () => {
  it('is done once for each of them, and not more than so many at a time', async () => {
    const done: number[] = []
    let [under, most] = [0, 0]
    await inParallel([1, 2, 3, 4, 5, 6, 7].values(), 3, async (item) => {
      most = Math.max(most, ++under)
      await delay(1)
      under -= 1
      done.push(item)
    })
    expect([done.toSorted(), most]).toEqual([[1, 2, 3, 4, 5, 6, 7], 3])
  })

  it('ends at the first failure: what is under way is told, and nothing else begins', async () => {
    const begun: number[] = []
    let told = ''
    const work = async (item: number, signal: AbortSignal) => {
      begun.push(item)
      if (item === 2) throw new Error('no')
      await delay(60_000, null, { signal }).catch(() => (told = (signal.reason as Error).message))
    }
    await expect(inParallel([1, 2, 3, 4], 2, work)).rejects.toThrow('no')
    expect([begun, told]).toEqual([[1, 2], 'no'])
  })
})
