import { afterEach, describe, expect, it, vi } from 'vitest'
import { pause, request } from './http.js'

afterEach(() => vi.restoreAllMocks())

const answer = (status: number, retryAfter: string) =>
  new Response(null, { status, headers: { 'retry-after': retryAfter } })

describe('the pause before another attempt', () => {
  it('is what was asked for, to five seconds, and to a minute where there were too many requests', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const asked = [answer(503, '2'), answer(503, '60'), answer(429, '60'), answer(429, '3600'), answer(429, 'soon')]
    expect(asked.map((one) => pause(1, one))).toEqual([2_000, 5_000, 60_000, 60_000, 0])
  })

  it('is no longer than the wish to go on', { timeout: 5_000 }, async () => {
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => answer(429, '60'))
    const ending = new AbortController()
    const asked = request('http://ledger.example', { attempts: 2, signal: ending.signal })
    setTimeout(() => ending.abort(new Error('another failed')), 50)
    await expect(asked).rejects.toThrow('another failed')
  })
})
