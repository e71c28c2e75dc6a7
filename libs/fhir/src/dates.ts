// FHIR dates as the stretch of time that they imply, and the comparisons of search over such stretches.

/** Milliseconds since 1970 in UTC; `from` inclusive, `until` exclusive. Open ends are infinite. */
export type TimeRange = { from: number; until: number }

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/

/**
 * The stretch of time that a date, dateTime or instant implies: `2024-05` is the whole of May. Null when it is none.
 *
 * Without a zone it is taken as UTC. Source: http://hl7.org/fhir/R4/search.html#date
 */
export function instantRange(text: string): TimeRange | null {
  const parts = DATE.exec(text)?.slice(1)
  if (!parts || !inCalendar(parts)) return null
  const [year = 0, month, day, hour] = parts.slice(0, 4).map((part) => (part === undefined ? undefined : Number(part)))
  if (month === undefined) return { from: utc(year, 1, 1), until: utc(year + 1, 1, 1) }
  if (day === undefined) return { from: utc(year, month, 1), until: utc(year, month + 1, 1) }
  const start = utc(year, month, day)
  return hour === undefined ? { from: start, until: start + DAY_MS } : timeOfDay(start, parts)
}

function timeOfDay(dayStart: number, parts: (string | undefined)[]): TimeRange {
  const [, , , hour, minute, second, fraction, zone] = parts
  const minutes = Number(hour) * 60 + Number(minute) - zoneOffsetMinutes(zone)
  const fractionMs = Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
  const from = dayStart + minutes * 60_000 + Number(second ?? 0) * 1000 + fractionMs
  return { from, until: from + lengthMs(second, fraction) }
}

function lengthMs(second: string | undefined, fraction: string | undefined): number {
  return second === undefined ? 60_000 : 10 ** (3 - Math.min(fraction?.length ?? 0, 3))
}

const DAY_MS = 86_400_000

function utc(year: number, month: number, day: number): number {
  // Date.UTC would take the years 0 to 99 as those of the 20th century.
  return new Date(0).setUTCFullYear(year, month - 1, day)
}

function zoneOffsetMinutes(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number)
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

function inCalendar(parts: (string | undefined)[]): boolean {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(0, 6).map((p) => p && Number(p))
  const daysInMonth = new Date(utc(Number(year), Number(month) + 1, 0)).getUTCDate()
  const valid = [within(month, 1, 12), within(day, 1, daysInMonth), within(hour, 0, 23), within(minute, 0, 59)]
  return valid.every(Boolean) && within(second, 0, 60)
}

function within(value: number | string, low: number, high: number): boolean {
  return Number(value) >= low && Number(value) <= high
}

export const DATE_PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le'] as const
export type DatePrefix = (typeof DATE_PREFIXES)[number]

/** Whether a resource's stretch of time satisfies `prefix` against the searched one (R4 search.html#prefix). */
export function rangeSatisfies(target: TimeRange, prefix: DatePrefix, searched: TimeRange): boolean {
  const contained = searched.from <= target.from && target.until <= searched.until
  switch (prefix) {
    case 'eq':
      return contained
    case 'ne':
      return !contained
    case 'gt':
      return target.until > searched.until
    case 'lt':
      return target.from < searched.from
    case 'ge':
      return contained || target.until > searched.until
    case 'le':
      return contained || target.from < searched.from
  }
}
