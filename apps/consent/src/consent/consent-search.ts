// The search parameters of Consent that are offered. An unknown one is refused, for ignoring it would widen the search.
import { isServerId, referenceTo } from './terms.js'
import type { Criteria, Page } from './consent-reader.js'
import { invalidParameter } from './consent.refusals.js'

export type Search = { criteria: Criteria; page: Page }
export type SearchParameters = Record<string, string | string[] | undefined>

const COUNT_DEFAULT = 20
const COUNT_MAX = 200
const STATUSES = ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error']

const parsers: Record<string, (value: string, fhirBase: string) => Partial<Criteria & Page>> = {
  patient: (value, fhirBase) => ({ patientId: patientOf(value, fhirBase) }),
  _id: (value) => ({ consentIds: value.split(',').filter(isServerId) }),
  status: (value) => ({ statuses: value.split(',').map(statusOf) }),
  _count: (value) => ({ count: countOf(value) }),
  _cursor: (value) => ({ after: cursorOf(value) }),
  // Judged for every FHIR route by FhirMediaInterceptor.
  _format: () => ({}),
}

/** Throws HttpProblem 400 that names the parameter, never its value. */
export function parseSearch(parameters: SearchParameters, fhirBase: string): Search {
  const found: Partial<Criteria & Page> = {}
  for (const [name, value] of Object.entries(parameters)) {
    const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined
    if (parser === undefined) throw invalidParameter(nameForTelling(name), 'is not offered for Consent')
    if (typeof value !== 'string') throw invalidParameter(name, 'may be given once')
    Object.assign(found, parser(value, fhirBase))
  }
  const { count = COUNT_DEFAULT, after = null, ...criteria } = found
  return { criteria, page: { count, after } }
}

/** A search by form has the parameters of its form and of its URL; one that stands in both is given twice. */
export function bothOf(url: SearchParameters, form: SearchParameters): SearchParameters {
  const names = new Set([...Object.keys(url), ...Object.keys(form)])
  const both = [...names].map((name) => [name, [url[name] ?? [], form[name] ?? []].flat()] as const)
  return Object.fromEntries(both.map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}

/** The opaque cursor of a next page. It holds an id that its reader has just seen, and opens nothing by itself. */
export function cursorAfter(consentId: string): string {
  return Buffer.from(consentId).toString('base64url')
}

function cursorOf(value: string): string {
  const id = Buffer.from(value, 'base64url').toString()
  if (!isServerId(id)) throw invalidParameter('_cursor', 'is not one of ours')
  return id
}

/** An id that is none of ours matches nothing, as a foreign one does. */
function patientOf(value: string, fhirBase: string): string {
  const reference = value.includes('/') ? value : `Patient/${value}`
  return referenceTo(['Patient'], { reference }, fhirBase)?.id ?? '00000000-0000-0000-0000-000000000000'
}

function statusOf(value: string): string {
  const code = value.split('|').at(-1)!
  if (!STATUSES.includes(code)) throw invalidParameter('status', 'is no status of a Consent')
  return code
}

function countOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw invalidParameter('_count', 'must be a number')
  return Math.min(Number(value), COUNT_MAX)
}

// A client's own parameter name could hold anything; only a plain one is repeated.
function nameForTelling(name: string): string {
  return /^[_a-z-]{1,30}$/.test(name) ? name : 'a parameter'
}
