import { describe, expect, it } from 'vitest'
import { checkOptions } from './check-options.js'
import type { JetStreamServerOptions } from './jetstream.server.js'

const check = (options: Partial<JetStreamServerOptions>) => () =>
  checkOptions({ name: 'audit', ...options } as JetStreamServerOptions)

describe('options of a server', () => {
  it.each([{}, { handlerTimeoutMs: 86_400_000, concurrency: 1 }, { backoffMs: [0, 100] }])(
    '%o are taken',
    (options) => {
      expect(check(options)).not.toThrow()
    },
  )

  it.each([
    ['handlerTimeoutMs is Infinity', { handlerTimeoutMs: Number.POSITIVE_INFINITY }],
    ['handlerTimeoutMs is 0', { handlerTimeoutMs: 0 }],
    ['ackWaitMs is NaN', { ackWaitMs: Number.NaN }],
    ['maxDeliveries is 0', { maxDeliveries: 0 }],
    ['concurrency is 1.5', { concurrency: 1.5 }],
    ['commandConcurrency is -1', { commandConcurrency: -1 }],
    ['backoffMs is -1', { backoffMs: [1, -1] }],
  ])('are refused: %s', (told, options) => {
    expect(check(options)).toThrow(RangeError)
    expect(check(options)).toThrow(`${told}, but has to be `)
  })
})
