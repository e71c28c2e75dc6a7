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

  it('is another after it was refused, and only once for all who had it', async () => {
    let asked = 0
    const token = cachedToken(async () => ({ token: `t${++asked}`, expiresInSeconds: 300 }))
    expect(await token()).toBe('t1')
    expect(await Promise.all([token('t1'), token('t1'), token()])).toEqual(['t2', 't2', 't2'])
    expect(await token('t1')).toBe('t2')
  })

  it('stays the one that somebody gave, also when it is refused', async () => {
    let asked = 0
    const token = cachedToken(async () => ({ token: `given ${++asked}`, expiresInSeconds: Number.POSITIVE_INFINITY }))
    expect([await token(), await token('given 1')]).toEqual(['given 1', 'given 1'])
  })
})
