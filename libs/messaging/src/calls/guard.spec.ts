import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BreakerOpen, CommandRejected, DeadlineExceeded } from '../errors.js'
import { guard, onBreakerState, type BreakerState, type GuardOptions } from './guard.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const failing = () => Promise.reject(new Error('down'))
const never = () => new Promise<never>(() => undefined)

function guarded(work: (signal: AbortSignal) => Promise<unknown>, options: Partial<GuardOptions> = {}) {
  return guard(`spec-${Math.random()}`, work, { timeoutMs: 1000, volumeThreshold: 3, resetMs: 2000, ...options })
}

/** What the call rejects with, while the clock goes on. */
async function failureOf(call: Promise<unknown>, elapsedMs: number): Promise<unknown> {
  const failure = call.then(
    () => null,
    (error: unknown) => error,
  )
  await vi.advanceTimersByTimeAsync(elapsedMs)
  return failure
}

async function failTimes(breaker: { call: () => Promise<unknown> }, times: number): Promise<void> {
  for (let call = 0; call < times; call++) await expect(breaker.call()).rejects.toThrow('down')
}

describe('a guarded call', () => {
  it('hands arguments in and the answer out', async () => {
    const add = guard('spec-add', async (_signal, a: number, b: number) => a + b, { timeoutMs: 1000 })
    expect(await add.call(2, 3)).toBe(5)
  })

  it('is rejected at its deadline and aborts the work, even when the work does not listen', async () => {
    const signals: AbortSignal[] = []
    const breaker = guarded((signal) => (signals.push(signal), never()))
    expect(await failureOf(breaker.call(), 1000)).toBeInstanceOf(DeadlineExceeded)
    expect(signals[0]?.aborted).toBe(true)
  })

  it('may have a shorter deadline than its breaker, but no longer one', async () => {
    const breaker = guarded(never)
    const short = await failureOf(breaker.callWith({ deadlineMs: 100 }), 100)
    expect(String(short)).toContain('within 100 ms')
    const long = await failureOf(breaker.callWith({ deadlineMs: 99_000 }), 1000)
    expect(String(long)).toContain('within 1000 ms')
  })

  it('stops when its caller stops, with the caller’s reason and without counting', async () => {
    const breaker = guarded(never)
    for (let call = 0; call < 10; call++) {
      const caller = new AbortController()
      const call = breaker.callWith({ signal: caller.signal })
      caller.abort(new Error('gone'))
      await expect(call).rejects.toThrow('gone')
    }
    await expect(breaker.callWith({ signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
    expect(breaker.state()).toBe('closed')
  })
})

describe('a breaker', () => {
  it('does not open at the first failure', async () => {
    const breaker = guarded(failing)
    await failTimes(breaker, 2)
    expect(breaker.state()).toBe('closed')
  })

  it('opens after failures and then refuses without calling', async () => {
    const work = vi.fn<() => Promise<unknown>>(failing)
    const breaker = guarded(work)
    await failTimes(breaker, 3)
    await expect(breaker.call()).rejects.toBeInstanceOf(BreakerOpen)
    expect(work).toHaveBeenCalledTimes(3)
  })

  it('lets one call through after a while: a success closes it, a failure opens it again', async () => {
    let works = false
    const breaker = guarded(() => (works ? Promise.resolve('up') : failing()))
    await failTimes(breaker, 3)
    await vi.advanceTimersByTimeAsync(2000)
    expect(breaker.state()).toBe('half-open')
    await failTimes(breaker, 1)
    expect(breaker.state()).toBe('open')
    works = true
    await vi.advanceTimersByTimeAsync(2000)
    expect(await breaker.call()).toBe('up')
    expect(breaker.state()).toBe('closed')
  })

  it('counts no rejection by a rule as a failure', async () => {
    const breaker = guarded(() => Promise.reject(new CommandRejected('not-allowed')))
    for (let call = 0; call < 20; call++) await expect(breaker.call()).rejects.toThrow('not-allowed')
    expect(breaker.state()).toBe('closed')
  })

  it('tells its state to those who listen, also those who come later', async () => {
    const breaker = guard('spec-told', failing, { timeoutMs: 1000, volumeThreshold: 3 })
    await failTimes(breaker, 3)
    const told: BreakerState[] = []
    const stop = onBreakerState((name, state) => name === 'spec-told' && told.push(state))
    await vi.advanceTimersByTimeAsync(5000)
    stop()
    expect(told).toEqual(['open', 'half-open'])
  })
})
