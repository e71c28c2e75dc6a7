import type { EventType } from '@careseal/contracts'
import { describe, expect, it } from 'vitest'
import { InvalidOption } from '../failures.js'
import { checkOptions } from './check-options.js'

const types: readonly EventType[] = ['ConsentGranted']
const link = 'a'.repeat(64)

describe('options of a consumer', () => {
  it.each([
    {},
    { maxAttempts: 1, handlerTimeoutMs: 1, checkIntervalMs: 1, backoffMs: [0] },
    { handlerTimeoutMs: 2 ** 31 - 1 },
    { from: 'beginning' as const },
    { from: { consent: { seq: 0, link } } },
  ])('%o are taken', (options) => {
    expect(() => checkOptions({ types, ...options })).not.toThrow()
  })

  it.each([
    ['types', { types: [] }, 'none'],
    ['types', { types: ['ConsentGrantd' as EventType] }, 'ConsentGrantd'],
    ['from', { from: { consent: { seq: 1.5, link } } }, '{"consent":{"seq":1.5,'],
    ['from', { from: 'start' as 'stored' }, '"start"'],
    ['maxAttempts', { maxAttempts: 0 }, '0'],
    ['maxAttempts', { maxAttempts: Number.NaN }, 'NaN'],
    // Each would fire at once: every event a dead letter.
    ['handlerTimeoutMs', { handlerTimeoutMs: Number.POSITIVE_INFINITY }, 'Infinity'],
    ['handlerTimeoutMs', { handlerTimeoutMs: 2 ** 31 }, '2147483648'],
    ['handlerTimeoutMs', { handlerTimeoutMs: 0 }, '0'],
    ['checkIntervalMs', { checkIntervalMs: -1 }, '-1'],
    ['backoffMs', { backoffMs: [100, Number.NaN] }, 'NaN'],
  ])('%s is refused: %o', (option, options, given) => {
    const check = () => checkOptions({ types, ...options })
    expect(check).toThrow(InvalidOption)
    expect(check).toThrow(`${option} is ${given}`)
  })
})
