import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Tokens } from './tokens.js'

/** An authorisation server that counts what it gives, and is away as often as told. */
function server() {
  const state = { given: 0, away: 0 }
  const ask = async (login: string) => {
    if (state.away > 0) {
      state.away -= 1
      throw new Error('away')
    }
    state.given += 1
    return `${login} ${state.given}`
  }
  return { state, tokens: new Tokens(ask) }
}

describe('tokens', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are asked for once, however many need one at the same time', async () => {
    const { state, tokens } = server()
    expect(await Promise.all([tokens.of('a'), tokens.of('a'), tokens.of('b')])).toEqual(['a 1', 'a 1', 'b 2'])
    expect(await tokens.of('a')).toBe('a 1')
    expect(state.given).toBe(2)
  })

  it('are renewed beside their use, and used on while the server is away', async () => {
    const { state, tokens } = server()
    await tokens.of('a')
    vi.advanceTimersByTime(150_000)
    state.away = 1
    expect(await tokens.of('a')).toBe('a 1')
  })

  it('are not used when they have ended or were refused', async () => {
    const { tokens } = server()
    tokens.forget('a', await tokens.of('a'))
    expect(await tokens.of('a')).toBe('a 2')
    vi.advanceTimersByTime(280_000)
    expect(await tokens.of('a')).toBe('a 3')
  })
})
