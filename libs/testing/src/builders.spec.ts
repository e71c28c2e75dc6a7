import { Caller, EVENT_TYPES, parseEventBody, Role, ServerId } from '@careseal/contracts'
import { describe, expect, it } from 'vitest'
import { callerOf, eventBody, eventually, idOf } from './index.js'

describe('builders', () => {
  it('make ids and callers that the contracts accept', () => {
    expect(ServerId.parse(idOf(7))).toMatch(/0007$/)
    for (const role of Role.options) expect(Caller.parse(callerOf(role)).role).toBe(role)
  })

  it('make a body that parses', () => {
    expect(EVENT_TYPES).toContain('AccountClosed')
    const body = eventBody('AccountClosed', { accountId: idOf(1) })
    expect(parseEventBody(new TextEncoder().encode(JSON.stringify(body)))).toEqual(body)
  })
})

describe('eventually', () => {
  it('answers what the first attempt without an error answered', async () => {
    let attempts = 0
    const third = () => {
      attempts += 1
      if (attempts < 3) throw new Error('not yet')
      return attempts
    }
    expect(await eventually(third, { intervalMs: 1 })).toBe(3)
  })

  it('throws the last error when time is up', async () => {
    await expect(
      eventually(() => Promise.reject(new Error('still not')), { withinMs: 10, intervalMs: 1 }),
    ).rejects.toThrow('still not')
  })
})
