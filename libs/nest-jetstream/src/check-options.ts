// Options that would fail every message at once, or none ever, end the start of a service instead.
import type { JetStreamServerOptions } from './jetstream.server.js'

/** A day: far below what a timer of Node can wait, beyond which it fires at once. */
const MS_MAX = 86_400_000

/** Throws RangeError, which names option, value and range, for the first that no server can work with. */
export function checkOptions(options: JetStreamServerOptions): void {
  const { ackWaitMs, backoffMs = [], handlerTimeoutMs, maxDeliveries, concurrency, commandConcurrency } = options
  for (const [option, count] of Object.entries({ maxDeliveries, concurrency, commandConcurrency })) {
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1))
      refuse(option, count, 'a whole number from 1')
  }
  for (const [option, ms] of Object.entries({ ackWaitMs, handlerTimeoutMs })) {
    if (ms !== undefined && !(ms >= 1 && ms <= MS_MAX)) refuse(option, ms, `milliseconds from 1 to ${MS_MAX}`)
  }
  const wrong = backoffMs.find((ms) => !(ms >= 0 && ms <= MS_MAX))
  if (wrong !== undefined) refuse('backoffMs', wrong, `milliseconds from 0 to ${MS_MAX}`)
}

function refuse(option: string, given: number, wanted: string): never {
  throw new RangeError(`${option} is ${given}, but has to be ${wanted}`)
}
