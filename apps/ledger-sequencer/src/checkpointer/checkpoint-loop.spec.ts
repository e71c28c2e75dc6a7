import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { CheckpointLoop } from './checkpoint-loop.js'

const NEVER = (round: number) => round < 0

function countingLoop({ intervalMs = 5, idleMs = 60_000, fail = NEVER, leftOver = NEVER } = {}) {
  const seen = { rounds: 0, troubles: 0 }
  const loop = new CheckpointLoop({
    intervalMs,
    idleMs,
    round: async () => {
      const round = seen.rounds++
      if (fail(round)) throw new Error('passing')
      return !leftOver(round)
    },
    onTrouble: () => seen.troubles++,
  })
  return { loop, seen }
}

describe('the checkpoint loop', () => {
  it('makes one at start and one for any number of blocks within an interval', async () => {
    const { loop, seen } = countingLoop({ intervalMs: 20 })
    loop.start()
    for (let i = 0; i < 50; i++) loop.wake()
    await delay(100)
    expect(seen.rounds).toBe(2)
    await loop.stop()
  })

  it('makes one without any block when it has been idle long enough', async () => {
    const { loop, seen } = countingLoop({ idleMs: 10 })
    loop.start()
    await delay(100)
    await loop.stop()
    expect(seen.rounds).toBeGreaterThan(2)
  })

  it('tries again after a failure', async () => {
    const { loop, seen } = countingLoop({ fail: (round) => round === 0 })
    loop.start()
    await delay(50)
    await loop.stop()
    expect(seen).toEqual({ rounds: 2, troubles: 1 })
  })

  it('goes on at once while a round leaves something over', async () => {
    const { loop, seen } = countingLoop({ leftOver: (round) => round < 3 })
    loop.start()
    await delay(100)
    await loop.stop()
    expect(seen.rounds).toBe(4)
  })

  it('pauses no longer when it is to hurry, unless the round before failed', async () => {
    const { loop, seen } = countingLoop({ intervalMs: 60_000, fail: (round) => round === 2 })
    loop.start()
    for (let times = 0; times < 10; times++) {
      await delay(5)
      loop.wake()
      loop.hurry()
    }
    expect(seen).toEqual({ rounds: 3, troubles: 1 })
    await loop.stop()
  })

  it('covers what was committed last before it stops', async () => {
    const { loop, seen } = countingLoop({ intervalMs: 60_000 })
    loop.start()
    await delay(5)
    loop.wake()
    await loop.stop()
    expect(seen.rounds).toBe(2)
  })
})
