import { afterEach, describe, expect, it, vi } from 'vitest'
import { WorkLoop } from './work-loop.js'

const loops: WorkLoop[] = []
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop.stop()
})

function start(work: () => Promise<boolean>, pollMs = 60_000, onError: (error: unknown) => void = () => {}): WorkLoop {
  const loop = new WorkLoop({ work, pollMs, onError })
  loops.push(loop)
  loop.start()
  return loop
}

describe('a work loop', () => {
  it('works while there is more, then waits to be woken', async () => {
    let left = 3
    const work = vi.fn<() => Promise<boolean>>(async () => left-- > 0)
    const loop = start(work)
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(4))
    loop.wake()
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(5))
  })

  it('misses no wake-up that comes while it works', async () => {
    const work = vi.fn<() => Promise<boolean>>(async () => {
      if (work.mock.calls.length === 1) loop.wake()
      return false
    })
    const loop = start(work)
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2))
  })

  it('looks by itself after its poll interval', async () => {
    const work = vi.fn<() => Promise<boolean>>(async () => false)
    start(work, 10)
    await vi.waitFor(() => expect(work.mock.calls.length).toBeGreaterThan(3))
  })

  it('tells an error and goes on', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const work = vi.fn<() => Promise<boolean>>(async () => {
      if (work.mock.calls.length === 1) throw new Error('once')
      return false
    })
    start(work, 60_000, onError)
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2))
    expect(onError).toHaveBeenCalledTimes(1)
  })

  it('stops after the round in work', async () => {
    let finished = false
    const loop = start(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      finished = true
      return true
    })
    await loop.stop()
    expect(finished).toBe(true)
  })
})
