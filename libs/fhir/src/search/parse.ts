// Search parameters as a query. Strict unless the caller asks for leniency: an unknown parameter is an error, for one
// that is ignored answers more than was asked.
import { DATE_PREFIXES, instantRange, type DatePrefix, type TimeRange } from '../dates.js'
import { errorIssue, type Issue } from '../issue.js'
import { searchParametersOf, type ClinicalParameter } from './values.js'

/** `system` undefined: any system; null: no system (`|code`). `code` undefined: any code of the system (`system|`). */
export type TokenTerm = { system?: string | null; code?: string }
export type DateTerm = { prefix: DatePrefix; range: TimeRange }

/** Outer list: all must hold (repeated parameters); inner list: one must (commas). */
export type SearchQuery = {
  type: string
  ids?: string[]
  patientIds?: string[]
  code: TokenTerm[][]
  category: TokenTerm[][]
  date: DateTerm[][]
  count: number
  cursor?: string
  /** What was used, decoded, for the self link; without the cursor. */
  used: [name: string, value: string][]
  ignored: Issue[]
}

export type ParsedSearch = { ok: true; query: SearchQuery } | { ok: false; issues: Issue[] }

export const DEFAULT_COUNT = 50
export const MAX_COUNT = 200

/** The most ids that one parameter may list, and the most terms (codes, categories, dates) of a whole search. */
export const SEARCH_IDS_MAX = 500
export const SEARCH_TERMS_MAX = 100

/** The search parameters that a type has here, for the CapabilityStatement. */
export function supportedParameters(type: string): { name: string; type: 'token' | 'date' | 'reference' }[] {
  const clinical = searchParametersOf(type).map((name) => ({ name, type: PARAMETER_TYPES[name] }))
  return [{ name: '_id', type: 'token' as const }, ...clinical]
}

const PARAMETER_TYPES: Record<ClinicalParameter, 'token' | 'date' | 'reference'> = {
  code: 'token',
  category: 'token',
  date: 'date',
  patient: 'reference',
  subject: 'reference',
}

/**
 * Parses the parameters of `GET /Type` or `POST /Type/_search`.
 *
 * Supported: `_id`, `_count`, `_cursor` (ours, opaque), and `patient`, `subject`, `code`, `category`, `date` where FHIR
 * defines them for the type. Modifiers are refused. With `strict: false` what is not supported is ignored and listed.
 */
export function parseSearch(
  type: string,
  parameters: Iterable<readonly [string, string]>,
  options: { strict: boolean },
): ParsedSearch {
  const query: SearchQuery = { type, code: [], category: [], date: [], count: DEFAULT_COUNT, used: [], ignored: [] }
  const issues: Issue[] = []
  const supported = new Set(['_count', '_cursor', '_format', ...supportedParameters(type).map((p) => p.name)])
  for (const [name, value] of parameters) {
    const issue = supported.has(name) ? apply(query, name, value) : unsupported(name, type)
    if (!issue) continue
    if (!supported.has(name) && !options.strict) query.ignored.push({ ...issue, severity: 'warning' })
    else issues.push(issue)
  }
  return issues.length > 0 ? { ok: false, issues } : { ok: true, query }
}

function unsupported(name: string, type: string): Issue {
  const [base = '', modifier] = name.split(':')
  const shown = /^[\w.-]{1,64}$/.test(base) ? `'${base}'` : 'This'
  const text =
    modifier === undefined ? `${shown} is no search parameter of ${type} here.` : `Modifiers are not supported.`
  return errorIssue('not-supported', text)
}

type Apply = (query: SearchQuery, value: string) => Issue | undefined

const APPLY: Record<string, Apply> = {
  _id: (query, value) => narrowIds(query, 'ids', value.split(',')),
  patient: (query, value) => narrowPatients(query, value),
  subject: (query, value) => narrowPatients(query, value),
  code: (query, value) => addTokens(query.code, value) ?? tooManyTerms(query),
  category: (query, value) => addTokens(query.category, value) ?? tooManyTerms(query),
  date: (query, value) => addDates(query.date, value) ?? tooManyTerms(query),
  _count: setCount,
  _cursor: (query, value) => void (query.cursor = value),
  _format: () => undefined,
}

function apply(query: SearchQuery, name: string, value: string): Issue | undefined {
  if (value === '') return errorIssue('value', `The parameter '${name}' is empty.`)
  const issue = APPLY[name]?.(query, value)
  if (issue) return { ...issue, diagnostics: `${name}: ${issue.diagnostics}` }
  if (name !== '_cursor' && name !== '_format') query.used.push([name, value])
  return undefined
}

function setCount(query: SearchQuery, value: string): Issue | undefined {
  if (!/^\d{1,6}$/.test(value) || Number(value) === 0) return errorIssue('value', 'must be a number of at least 1.')
  query.count = Math.min(Number(value), MAX_COUNT)
  return undefined
}

function narrowIds(query: SearchQuery, member: 'ids' | 'patientIds', ids: string[]): Issue | undefined {
  if (ids.length > SEARCH_IDS_MAX) return errorIssue('too-costly', `may list ${SEARCH_IDS_MAX} ids.`)
  if (ids.some((id) => !/^[A-Za-z0-9\-.]{1,64}$/.test(id))) return errorIssue('value', 'must be ids.')
  const before = query[member] && new Set(query[member])
  query[member] = [...new Set(before === undefined ? ids : ids.filter((id) => before.has(id)))]
  return undefined
}

function narrowPatients(query: SearchQuery, value: string): Issue | undefined {
  const ids = value.split(',').map((one) => (one.includes('/') ? /^Patient\/(.+)$/.exec(one)?.[1] : one))
  if (ids.includes(undefined)) return errorIssue('not-supported', 'must be an id or Patient/<id>.')
  return narrowIds(query, 'patientIds', ids as string[])
}

/** Each code is looked for under the key of each patient, and each term is compared with each resource that is opened. */
function tooManyTerms({ code, category, date }: SearchQuery): Issue | undefined {
  const terms = [...code, ...category, ...date].reduce((count, any) => count + any.length, 0)
  if (terms <= SEARCH_TERMS_MAX) return undefined
  return errorIssue('too-costly', `a search may have ${SEARCH_TERMS_MAX} codes, categories and dates.`)
}

function addTokens(terms: TokenTerm[][], value: string): Issue | undefined {
  const any = splitEscaped(value, ',').map(tokenTerm)
  if (any.includes(null)) return errorIssue('value', 'must be code, system|code, system| or |code.')
  terms.push(any as TokenTerm[])
  return undefined
}

function tokenTerm(text: string): TokenTerm | null {
  const parts = splitEscaped(text, '|').map(unescape)
  if (parts.length === 1) return parts[0] ? { code: parts[0] } : null
  const [system = '', code = ''] = parts
  if (parts.length > 2 || (system === '' && code === '')) return null
  return { system: system === '' ? null : system, ...(code === '' ? {} : { code }) }
}

/** Splits at `separator` where no backslash stands before it; escapes stay. */
function splitEscaped(text: string, separator: ',' | '|'): string[] {
  const parts = ['']
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i)
    const isSeparator = character === separator
    const taken = character === '\\' ? text.slice(i, i + 2) : character
    if (isSeparator) parts.push('')
    else parts[parts.length - 1] += taken
    i += taken.length - 1
  }
  return parts
}

function unescape(text: string): string {
  return text.replaceAll(/\\([\\,|$])/g, '$1')
}

function addDates(terms: DateTerm[][], value: string): Issue | undefined {
  const any = value.split(',').map(dateTerm)
  if (any.includes(null)) {
    return errorIssue('value', `must be a date, with a prefix of ${DATE_PREFIXES.join(', ')} or none.`)
  }
  terms.push(any as DateTerm[])
  return undefined
}

function dateTerm(text: string): DateTerm | null {
  const [, prefix = 'eq', date = ''] = /^([a-z]{2})?(.*)$/s.exec(text) ?? []
  // A plus sign that nobody encoded arrives as a blank.
  const range = instantRange(date.replace(' ', '+'))
  return range && isDatePrefix(prefix) ? { prefix, range } : null
}

function isDatePrefix(text: string): text is DatePrefix {
  return (DATE_PREFIXES as readonly string[]).includes(text)
}
