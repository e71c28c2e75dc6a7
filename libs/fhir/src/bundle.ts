// Reads a transaction or batch Bundle into entries that are checked one by one; nothing is executed here.
import { errorIssue, type Issue } from './issue.js'
import { isObject, type Json, type JsonObject, type Resource } from './resource.js'
import { isResourceType, OWNED_ELSEWHERE } from './resource-types.js'

export type BundleMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One entry. `resource` is there for POST and PUT, `id` for PUT, DELETE and the GET of an instance. */
export type BundleEntry = {
  index: number
  method: BundleMethod
  url: string
  type: string
  id?: string
  fullUrl?: string
  resource?: Resource
  ifMatch?: string
}

export type EntryFault = { index: number; status: number; issue: Issue }
export type ParsedBundle =
  | { ok: true; kind: 'transaction'; entries: BundleEntry[] }
  | { ok: true; kind: 'batch'; entries: BundleEntry[]; faults: EntryFault[] }
  | { ok: false; status: number; issues: Issue[] }

/**
 * The most entries that are executed. A longer transaction would hold locks too long; the entries of a batch are
 * requests of their own, one after the other, and a client waits for the last.
 */
export const BUNDLE_ENTRIES_MAX = { transaction: 5_000, batch: 500 } as const

/**
 * Parses a Bundle of type transaction or batch.
 *
 * A fault in one entry refuses a transaction as a whole (all faults are named) and stays in `faults` for a batch. Two
 * entries on one resource are 400, a Consent or AuditEvent inside a transaction is 422, for other services own them. A
 * Bundle with too many entries is 422, and none of them is looked at.
 */
export function parseBundle(json: unknown): ParsedBundle {
  if (!isObject(json) || json.resourceType !== 'Bundle') {
    return refused(400, errorIssue('structure', 'Expected a Bundle of type transaction or batch.', 'Bundle'))
  }
  if (json.type !== 'transaction' && json.type !== 'batch') {
    return refused(400, errorIssue('value', 'Only Bundles of type transaction or batch are executed.', 'Bundle.type'))
  }
  const list = json.entry ?? []
  if (!Array.isArray(list)) return refused(400, errorIssue('structure', 'Expected an array.', 'Bundle.entry'))
  const entriesMax = BUNDLE_ENTRIES_MAX[json.type]
  if (list.length > entriesMax) {
    return refused(422, errorIssue('too-costly', `A ${json.type} may have ${entriesMax} entries.`, 'Bundle.entry'))
  }
  const parsed = list.map((entry, index) => parseEntry(entry, index))
  const entries = parsed.flatMap((one) => ('entry' in one ? [one.entry] : []))
  const faults = parsed.flatMap((one) => ('fault' in one ? [one.fault] : []))
  return json.type === 'batch' ? batch(entries, faults) : transaction(entries, faults)
}

function refused(status: number, ...issues: Issue[]): ParsedBundle {
  return { ok: false, status, issues }
}

function batch(entries: BundleEntry[], faults: EntryFault[]): ParsedBundle {
  const twice = sameResource(entries)
  const doubled = new Set(twice.map((fault) => fault.index))
  const kept = entries.filter((entry) => !doubled.has(entry.index))
  return { ok: true, kind: 'batch', entries: kept, faults: [...faults, ...twice] }
}

function transaction(entries: BundleEntry[], faults: EntryFault[]): ParsedBundle {
  const all = [...faults, ...sameResource(entries), ...entries.flatMap(notInTransaction)]
  if (all.length === 0) return { ok: true, kind: 'transaction', entries }
  const inOrder = all.toSorted((a, b) => a.index - b.index)
  return { ok: false, status: inOrder[0]?.status ?? 400, issues: inOrder.map((fault) => fault.issue).slice(0, 50) }
}

function notInTransaction({ index, type, method }: BundleEntry): EntryFault[] {
  if ((OWNED_ELSEWHERE as readonly string[]).includes(type)) {
    const text = `${type} cannot be part of a transaction, for another service owns it; a batch may hold it.`
    return [fault(index, 'resource', 422, errorIssue('not-supported', text))]
  }
  if (method !== 'GET') return []
  return [
    fault(index, 'request.method', 422, errorIssue('not-supported', 'A transaction holds no reads; use a batch.')),
  ]
}

/** Two entries on one resource would depend on an order that a bundle does not have. */
function sameResource(entries: BundleEntry[]): EntryFault[] {
  const seen = new Set<string>()
  return entries.flatMap((entry) => {
    const names = entry.method === 'GET' ? [] : namesOf(entry)
    const repeated = names.some((name) => seen.has(name))
    for (const name of names) seen.add(name)
    if (!repeated) return []
    const member = entry.method === 'POST' ? 'fullUrl' : 'request.url'
    return [fault(entry.index, member, 400, errorIssue('invalid', 'Two entries act on the same resource.'))]
  })
}

function namesOf(entry: BundleEntry): string[] {
  const target = entry.id === undefined ? [] : [`${entry.type}/${entry.id}`]
  return entry.method === 'POST' && entry.fullUrl !== undefined ? [entry.fullUrl] : target
}

type Parsed = { entry: BundleEntry } | { fault: EntryFault }

function fault(index: number, member: string, status: number, issue: Issue): EntryFault {
  return { index, status, issue: { ...issue, expression: [`Bundle.entry[${index}].${member}`] } }
}

function parseEntry(json: Json, index: number): Parsed {
  const bad = (member: string, text: string, status = 400): Parsed => ({
    fault: fault(index, member, status, errorIssue(status === 400 ? 'invalid' : 'not-supported', text)),
  })
  if (!isObject(json) || !isObject(json.request)) return bad('request', 'The entry has no request.')
  const { method, url } = json.request
  if (method !== 'GET' && method !== 'POST' && method !== 'PUT' && method !== 'DELETE') {
    return bad('request.method', 'The method must be GET, POST, PUT or DELETE.')
  }
  if (typeof url !== 'string') return bad('request.url', 'The request has no url.')
  const unsupported = ['ifNoneExist', 'ifNoneMatch', 'ifModifiedSince'].find((name) => name in (json.request as object))
  if (unsupported) return bad(`request.${unsupported}`, 'Conditional entries are not supported.', 422)
  if (!isCondition(json.request.ifMatch))
    return bad('request.ifMatch', 'ifMatch must be an entity tag such as W/"version", or *.')
  const target = parseUrl(url, method)
  if (typeof target === 'string') return bad('request.url', target)
  const withBody = method === 'POST' || method === 'PUT'
  const wrong = withBody ? bodyFault(json, target) : undefined
  return wrong ? bad(wrong.member, wrong.text) : { entry: entryOf({ json, index, method, url }, target) }
}

// What is sent to guard a change must not be overlooked because it is malformed.
function isCondition(ifMatch: Json | undefined): boolean {
  return ifMatch === undefined || (typeof ifMatch === 'string' && ifMatch.trim() !== '')
}

type Target = { type: string; id?: string }

function entryOf(
  raw: { json: JsonObject; index: number; method: BundleMethod; url: string },
  target: Target,
): BundleEntry {
  const { json, index, method, url } = raw
  const ifMatch = isObject(json.request) ? json.request.ifMatch : undefined
  return {
    index,
    method,
    url,
    ...target,
    ...(typeof json.fullUrl === 'string' ? { fullUrl: json.fullUrl } : {}),
    ...(method === 'POST' || method === 'PUT' ? { resource: json.resource as Resource } : {}),
    ...(typeof ifMatch === 'string' ? { ifMatch } : {}),
  }
}

function parseUrl(url: string, method: BundleMethod): Target | string {
  const [path = '', query] = url.split('?')
  const [type = '', id, ...rest] = path.split('/')
  if (!isResourceType(type)) return 'The url names no FHIR R4 resource type.'
  if (method === 'GET') return id === undefined || id === '' ? { type } : { type, id }
  if (query !== undefined) return 'Conditional urls are not supported.'
  if (rest.length > 0) return 'The url must be Type or Type/id.'
  if (method === 'POST') return id === undefined ? { type } : 'A POST creates, so its url is the type alone.'
  return id === undefined || id === '' ? 'The url must name the id.' : { type, id }
}

function bodyFault(json: JsonObject, target: Target): { member: string; text: string } | undefined {
  if (!isObject(json.resource)) return { member: 'resource', text: 'The entry has no resource.' }
  if (json.resource.resourceType !== target.type) {
    return { member: 'resource.resourceType', text: 'The resource is not of the type that the url names.' }
  }
  if (target.id !== undefined && json.resource.id !== target.id) {
    return { member: 'resource.id', text: 'The id of the resource is not the one that the url names.' }
  }
  return undefined
}

/** DELETE, then POST, then PUT, as R4 orders a transaction; entries of one method keep their order. */
export function inProcessingOrder(entries: readonly BundleEntry[]): BundleEntry[] {
  const rank: Record<BundleMethod, number> = { DELETE: 0, POST: 1, PUT: 2, GET: 3 }
  return entries.toSorted((a, b) => rank[a.method] - rank[b.method] || a.index - b.index)
}

/**
 * From what entries call each other to what they will be: fullUrl, and for `http…/Type/id` also `Type/id`.
 *
 * `idOf` gives the id that the entry's resource will have.
 */
export function linksOf(entries: readonly BundleEntry[], idOf: (entry: BundleEntry) => string): Map<string, string> {
  const links = new Map<string, string>()
  for (const entry of entries) {
    if (entry.fullUrl === undefined || entry.resource === undefined) continue
    const target = `${entry.type}/${idOf(entry)}`
    links.set(entry.fullUrl, target)
    const relative = /^https?:\/\/.*\/([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})$/.exec(entry.fullUrl)?.[1]
    if (relative !== undefined && !links.has(relative)) links.set(relative, target)
  }
  return links
}
