import { describe, expect, it } from 'vitest'
import { RateLimit } from './rate-limit.js'

describe('the rate of a client', () => {
  it('is one minute’s worth at once, and then what comes back evenly', () => {
    let now = 0
    const limit = new RateLimit(60, () => now)
    const taken = () => Array.from({ length: 61 }, () => limit.take('10.0.0.1')).filter((wait) => wait === null).length
    expect(taken()).toBe(60)
    expect(limit.take('10.0.0.1')).toBe(1)
    now += 2000
    expect(taken()).toBe(2)
    now += 3_600_000
    expect(taken()).toBe(60)
  })

  it('is that of an address; an IPv6 host has one for its whole /64', () => {
    const limit = new RateLimit(1, () => 0)
    const asked = ['10.0.0.1', '10.0.0.2', '2001:db8:0:1::1', '2001:db8:0:2::1', '::1', '::ffff:10.0.0.3']
    expect(asked.map((address) => limit.take(address))).toEqual(asked.map(() => null))
    expect(limit.take('2001:db8:0:1:aaaa:bbbb:cccc:dddd')).not.toBe(null)
    expect(limit.take('2001:db8:0:2::')).not.toBe(null)
    expect(limit.take('10.0.0.1')).not.toBe(null)
    expect(limit.take(undefined)).toBe(null)
  })
})
