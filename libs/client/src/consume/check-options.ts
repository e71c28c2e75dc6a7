// Options that would make a consumer lose or skip what it was asked to handle are refused before anything is read.
import { EVENT_TYPES, type EventType } from '@careseal/contracts'
import { InvalidOption } from '../failures.js'
import type { ConsumeOptions } from './options.js'
import { isPosition } from './position.js'

/** The longest that a timer of Node waits; beyond it, it fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

type Checked = 'types' | 'from' | 'maxAttempts' | 'handlerTimeoutMs' | 'checkIntervalMs' | 'backoffMs'

/** Throws InvalidOption for the first option that no consumer can work with. */
export function checkOptions(options: Pick<ConsumeOptions<EventType>, Checked>): void {
  const { types, from, maxAttempts = 1, handlerTimeoutMs = 1, checkIntervalMs = 1, backoffMs = [] } = options
  const unknown = types.filter((type) => !EVENT_TYPES.includes(type))
  if (types.length === 0 || unknown.length > 0) {
    throw new InvalidOption('types', unknown.join(', ') || 'none', `some of ${EVENT_TYPES.join(', ')}`)
  }
  if (from !== undefined && from !== 'stored' && from !== 'beginning' && !isPosition(from)) {
    throw new InvalidOption('from', JSON.stringify(from), "'stored', 'beginning' or { seq, link } of each producer")
  }
  const isCount = Number.isSafeInteger(maxAttempts) && maxAttempts >= 1
  if (!isCount) throw new InvalidOption('maxAttempts', maxAttempts, 'a whole number from 1')
  requireMilliseconds('handlerTimeoutMs', [handlerTimeoutMs], 1)
  requireMilliseconds('checkIntervalMs', [checkIntervalMs], 1)
  requireMilliseconds('backoffMs', backoffMs, 0)
}

function requireMilliseconds(option: string, values: readonly number[], least: number): void {
  const wrong = values.find((value) => !(value >= least && value <= TIMER_MS_MAX))
  if (wrong === undefined) return
  throw new InvalidOption(option, wrong, `milliseconds from ${least} to ${TIMER_MS_MAX} (24 days)`)
}
