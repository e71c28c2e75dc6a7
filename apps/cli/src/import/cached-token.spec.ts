import { describe, expect, it } from 'vitest'
import { cachedToken } from './cached-token.js'

describe('a cached token', () => {
  it('is asked for once, and again before it ends', async () => {
    let [asked, now] = [0, 0]
    const ask = async () => ({ token: `t${++asked}`, expiresInSeconds: 300 })
    const token = cachedToken(ask, () => now)
    expect(await Promise.all([token(), token()])).toEqual(['t1', 't1'])
    now = 239_000
    expect(await token()).toBe('t1')
    now = 241_000
    expect(await token()).toBe('t2')
  })

  it('is asked for again after a failure', async () => {
    let asked = 0
    const ask = async () => {
      asked += 1
      if (asked === 1) throw new Error('no')
      return { token: 't', expiresInSeconds: 300 }
    }
    const token = cachedToken(ask)
    await expect(token()).rejects.toThrow('no')
    expect(await token()).toBe('t')
  })
})
