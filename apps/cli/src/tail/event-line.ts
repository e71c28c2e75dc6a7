import type { LedgerEvent } from '@careseal/messaging'
import type { Terminal } from '../terminal/terminal.js'

/** What of an event is worth a line: the members of its data that say who did what to whom, by ids. */
const SHOWN = ['role', 'purpose', 'action', 'interaction', 'basis', 'reason', 'type', 'types', 'patientId', 'actorId']

/** One event as one line. */
export function eventLine({ producer, seq, event }: LedgerEvent, colors: Terminal['colors']): string {
  const { bold, cyan, dim } = colors
  const data = event.data as Record<string, unknown>
  const facts = SHOWN.flatMap((name) => {
    const value = data[name]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return []
    return [`${dim(`${name}=`)}${Array.isArray(value) ? value.join(',') : String(value)}`]
  })
  const place = cyan(`${producer} ${seq}`.padEnd(16))
  return [dim(event.time), place, bold(event.type.padEnd(18)), ...facts].join(' ').trimEnd()
}

/** One event for machines: its place in its producer's chain, and its public body. */
export function eventJson({ producer, seq, link, tag, commitment, event }: LedgerEvent) {
  return { producer, seq, link, tag, commitment, ...event }
}
