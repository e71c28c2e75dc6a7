import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { Supervised, type Run } from './supervised.js'

function fakeRun(pid: number): Run & { crash(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = async () => resolve()
  return { pid, ended: promise, stop: end, kill: end, crash: resolve }
}

describe('a supervised process', () => {
  it('is started again after a crash, and reported', async () => {
    let pid = 0
    const onCrash = vi.fn<(name: string, error: unknown) => void>()
    const supervised = new Supervised({ name: 'x', start: async () => fakeRun(++pid), onCrash })
    await supervised.start()
    await supervised.kill()
    await expect.poll(() => supervised.current?.pid).toBe(2)
    expect(supervised.restarts).toBe(1)
    expect(onCrash).toHaveBeenCalledOnce()
    await supervised.stop()
  })

  it('stays down once it is stopped', async () => {
    const start = vi.fn<() => Promise<Run>>(async () => fakeRun(1))
    const supervised = new Supervised({ name: 'x', start })
    await supervised.start()
    await supervised.stop()
    await supervised.stop()
    expect(start).toHaveBeenCalledOnce()
  })

  it('stops while it waits to start again', async () => {
    const run = fakeRun(1)
    const start = vi.fn<() => Promise<Run>>(async () => run)
    const supervised = new Supervised({ name: 'x', start })
    await supervised.start()
    run.crash()
    await run.ended
    await supervised.stop()
    expect(start).toHaveBeenCalledOnce()
  })

  it('goes on trying when a restart fails', async () => {
    let attempts = 0
    const start = async () => {
      attempts += 1
      if (attempts === 2) throw new Error('port taken')
      return fakeRun(attempts)
    }
    const supervised = new Supervised({ name: 'x', start })
    await supervised.start()
    await supervised.kill()
    await expect.poll(() => supervised.current?.pid, { timeout: 3000 }).toBe(3)
    await supervised.stop()
  })

  it('is down while a work wants it so, also when the work fails, and up again afterwards', async () => {
    let pid = 0
    const supervised = new Supervised({ name: 'x', start: async () => fakeRun(++pid), delayMsMax: 200 })
    await supervised.start()
    const seen = supervised.whileStopped(async () => {
      await delay(400)
      throw new Error(`pid ${supervised.current?.pid ?? 'none'}`)
    })
    await expect(supervised.whileStopped(async () => {})).rejects.toThrow('for another work already')
    await expect(seen).rejects.toThrow('pid none')
    await expect.poll(() => supervised.current?.pid).toBe(2)
    await supervised.stop()
  })

  it('throws what its first start throws', async () => {
    const supervised = new Supervised({ name: 'x', start: () => Promise.reject(new Error('no binary')) })
    await expect(supervised.start()).rejects.toThrow('no binary')
  })
})
