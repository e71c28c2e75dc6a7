import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestCounter } from './request-counter.js'

const MINUTE_MS = 60_000

describe('the counter of requests', () => {
  it('blocks what exceeds the limit until the window is over', async () => {
    let now = 1_000
    const counter = new RequestCounter(() => now)
    const use = () => counter.increment('a', MINUTE_MS, 2)
    expect(await use()).toEqual({ totalHits: 1, timeToExpire: 60, isBlocked: false, timeToBlockExpire: 0 })
    now += 20_000
    expect((await use()).isBlocked).toBe(false)
    expect(await use()).toEqual({ totalHits: 3, timeToExpire: 40, isBlocked: true, timeToBlockExpire: 40 })
    now += 40_000
    expect(await use()).toMatchObject({ totalHits: 1, isBlocked: false })
  })

  it('counts each key as a naive list of requests would', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 30_000 })), {
      maxLength: 60,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(steps, async (requests) => {
        let now = 0
        const counter = new RequestCounter(() => now)
        const windows: { key: string; startedAt: number; count: number }[] = []
        for (const [key, pauseMs] of requests) {
          now += pauseMs
          const open = windows.findLast((window) => window.key === key && now < window.startedAt + MINUTE_MS)
          if (open) open.count++
          else windows.push({ key, startedAt: now, count: 1 })
          const expected = open?.count ?? 1
          expect((await counter.increment(key, MINUTE_MS, 3)).totalHits).toBe(expected)
        }
      }),
    )
  })

  it('forgets the oldest keys rather than fill the memory', async () => {
    const counter = new RequestCounter(() => 0)
    await counter.increment('first', MINUTE_MS, 1)
    for (let n = 0; n < 100_000; n++) await counter.increment(`key ${n}`, MINUTE_MS, 1)
    expect((await counter.increment('key 99999', MINUTE_MS, 1)).totalHits).toBe(2)
    expect((await counter.increment('first', MINUTE_MS, 1)).totalHits).toBe(1)
  })
})
