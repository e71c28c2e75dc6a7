// What a resource says for the searched parameters, read along the generated paths.
import { instantRange, type TimeRange } from '../dates.js'
import { SEARCH_PATHS } from '../generated/search-paths.js'
import { valuesAt } from '../paths.js'
import { isObject, type Json, type JsonObject, type Resource } from '../resource.js'

export type ClinicalParameter = 'code' | 'category' | 'date' | 'patient' | 'subject'

const table: Readonly<Record<string, Partial<Record<ClinicalParameter, readonly string[]>>>> = SEARCH_PATHS

/** A code as search sees it; a `code` or `boolean` element has no system. */
export type Token = { system?: string; code: string }

export type SearchValues = { code: Token[]; category: Token[]; date: TimeRange[]; references: string[] }

/** Which of the parameters FHIR defines for this type. */
export function searchParametersOf(type: string): ClinicalParameter[] {
  return Object.keys(table[type] ?? {}) as ClinicalParameter[]
}

/** The codes of one resource, for a blind index. */
export function extractTokens(resource: Resource): Pick<SearchValues, 'code' | 'category'> {
  return {
    code: valuesOf(resource, 'code').flatMap(tokensOf),
    category: valuesOf(resource, 'category').flatMap(tokensOf),
  }
}

/** The tokens, dates and references of one resource, for matching. */
export function extractIndex(resource: Resource): SearchValues {
  return {
    ...extractTokens(resource),
    date: valuesOf(resource, 'date').flatMap(rangesOf),
    references: [...valuesOf(resource, 'patient'), ...valuesOf(resource, 'subject')].flatMap(referenceOf),
  }
}

function valuesOf(resource: Resource, parameter: ClinicalParameter): Json[] {
  return (table[resource.resourceType]?.[parameter] ?? []).flatMap((path) => valuesAt(resource, path))
}

function tokensOf(value: Json): Token[] {
  if (typeof value === 'string') return [{ code: value }]
  if (!isObject(value)) return []
  if (Array.isArray(value.coding)) return value.coding.flatMap(tokensOf)
  if (typeof value.code !== 'string') return []
  return [{ code: value.code, ...(typeof value.system === 'string' ? { system: value.system } : {}) }]
}

function rangesOf(value: Json): TimeRange[] {
  if (typeof value === 'string') return defined(instantRange(value))
  if (!isObject(value)) return []
  if (Array.isArray(value.event)) return timingRange(value.event)
  if (isObject(value.repeat)) return isObject(value.repeat.boundsPeriod) ? rangesOf(value.repeat.boundsPeriod) : []
  return periodRange(value)
}

function periodRange(period: JsonObject): TimeRange[] {
  const start = typeof period.start === 'string' ? instantRange(period.start) : null
  const end = typeof period.end === 'string' ? instantRange(period.end) : null
  if (!start && !end) return []
  return [{ from: start?.from ?? -Infinity, until: end?.until ?? Infinity }]
}

/** A Timing is the stretch from its first to its last event (R4 search.html#date). */
function timingRange(events: Json[]): TimeRange[] {
  const ranges = events.flatMap(rangesOf)
  if (ranges.length === 0) return []
  return [{ from: Math.min(...ranges.map((r) => r.from)), until: Math.max(...ranges.map((r) => r.until)) }]
}

function defined<T>(value: T | null): T[] {
  return value === null ? [] : [value]
}

function referenceOf(value: Json): string[] {
  return isObject(value) && typeof value.reference === 'string' ? [value.reference] : []
}
