import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PositionSaver } from './position-saver.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const place = { consent: { seq: 1, link: 'a'.repeat(64) } }

function saverOf(save: () => Promise<void>) {
  const store = { load: async () => null, save: vi.fn<typeof save>(save) }
  const onTrouble = vi.fn<(error: unknown) => void>()
  return { store, onTrouble, saver: new PositionSaver({ store, position: () => place, onTrouble }) }
}

// As a consumer under load does.
async function moveFor(saver: PositionSaver, seconds: number): Promise<void> {
  for (let at = 0; at < seconds * 4; at++) {
    saver.moved()
    saver.save()
    await vi.advanceTimersByTimeAsync(250)
  }
}

describe('a position that moves', () => {
  it('is saved now and then, and not where nothing has moved', async () => {
    const { saver, store } = saverOf(async () => undefined)
    await moveFor(saver, 2)
    saver.save()
    await saver.end()
    expect(store.save).toHaveBeenCalledTimes(8)
  })

  it('is tried ever more rarely where it cannot be saved, and once more at the end', async () => {
    const { saver, store, onTrouble } = saverOf(() => Promise.reject(new Error('no room')))
    await moveFor(saver, 60)
    expect(store.save.mock.calls.length).toBeLessThan(10)
    const tries = store.save.mock.calls.length
    await saver.end()
    expect(store.save).toHaveBeenCalledTimes(tries + 1)
    expect(onTrouble).toHaveBeenCalledTimes(tries + 1)
  })

  it('is saved once at a time by a store that is slow', async () => {
    const { saver, store } = saverOf(() => new Promise((done) => setTimeout(done, 1000)))
    await moveFor(saver, 10)
    expect(store.save).toHaveBeenCalledTimes(10)
  })
})
