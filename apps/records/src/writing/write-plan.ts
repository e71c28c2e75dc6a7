// What is to be written, worked out before any transaction begins: ids, links, server's metadata, validation.
import {
  boundsFault,
  compartmentPatients,
  errorIssue,
  isObject,
  localReference,
  referencesIn,
  rewriteReferences,
  strangersOf,
  type Fhir,
  type Issue,
  type Resource,
} from '@careseal/fhir'
import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

/** One write as it was asked for. `where` is the FHIRPath of the resource in the request. */
export type WriteRequest = {
  interaction: 'create' | 'update' | 'delete'
  type: string
  id: string
  resource?: Resource
  ifMatch?: string
  where: string
}

/** A write with its new version. `resource` is what will be stored; a deletion has none and keeps its patients. */
export type PlannedWrite = WriteRequest & { versionId: string; recordedAt: Date; patientIds: string[] }

export type PlanOptions = {
  fhir: Fhir
  /** What entries of the same request call each other. */
  links: ReadonlyMap<string, string>
  /** `https://…/fhir/` of this server. */
  base: string
}

export type Plan = { ok: true; writes: PlannedWrite[] } | { ok: false; issues: Issue[] }

const BREATH = 32
const ISSUES_MAX = 50

/** Plans the writes, or names every fault of every entry. Gives the event loop a turn between entries. */
export async function planWrites(requests: readonly WriteRequest[], options: PlanOptions): Promise<Plan> {
  const recordedAt = new Date()
  const writes: PlannedWrite[] = []
  const issues: Issue[] = []
  for (const [place, request] of requests.entries()) {
    if (place % BREATH === BREATH - 1) await setImmediate()
    const planned = planWrite(request, recordedAt, options)
    if ('issues' in planned) issues.push(...planned.issues)
    else writes.push(planned)
  }
  return issues.length > 0 ? { ok: false, issues: issues.slice(0, ISSUES_MAX) } : { ok: true, writes }
}

function planWrite(
  request: WriteRequest,
  recordedAt: Date,
  { fhir, links, base }: PlanOptions,
): PlannedWrite | { issues: Issue[] } {
  const versionId = randomUUID()
  if (!request.resource) return { ...request, versionId, recordedAt, patientIds: [] }
  const beyond = boundsFault(request.resource, request.where)
  if (beyond) return { issues: [beyond] }
  const linked = rewriteReferences(request.resource, { links, base })
  const resource = withServerMembers(linked, { id: request.id, versionId, recordedAt })
  const checked = fhir.validateResource(resource, request.where)
  const faults = [...danglingLinks(resource, request.where), ...strangers(resource, request.where)]
  const issues = [...(checked.ok ? [] : checked.issues), ...faults]
  if (issues.length > 0) return { issues }
  const patientIds = compartmentPatients(resource)
  const absent = patientIds.filter((id) => !isServerId(id))
  if (absent.length > 0) return { issues: namesOf(absent, resource, request.where) }
  return { ...request, resource, versionId, recordedAt, patientIds }
}

/** Ids of this server are UUIDs in lower case; nothing else is ever looked up. */
export function isServerId(id: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(id)
}

function withServerMembers(
  resource: Resource,
  { id, versionId, recordedAt }: { id: string; versionId: string; recordedAt: Date },
): Resource {
  const { resourceType, id: _, meta, ...rest } = resource
  const own = { versionId, lastUpdated: recordedAt.toISOString() }
  // A meta that is no object is left as it is, for validation to refuse.
  const merged = meta === undefined || isObject(meta) ? { ...(isObject(meta) ? meta : {}), ...own } : meta
  return { resourceType, id, meta: merged, ...rest }
}

/** Somebody who is not here can permit nothing, so the resource would be open to everybody. */
function strangers(resource: Resource, where: string): Issue[] {
  const text = 'This must refer to a resource of this server, as in Patient/<id>: the record would belong to nobody.'
  return strangersOf(resource).map((path) => errorIssue('business-rule', text, `${where}.${path}`))
}

/** Where a resource names patients whose ids this server never gave. */
function namesOf(absent: readonly string[], resource: Resource, where: string): Issue[] {
  return referencesIn(resource)
    .filter(({ reference }) => absent.includes(localReference(reference, 'Patient') ?? ''))
    .map(({ path }) => {
      const at = where + path.slice(resource.resourceType.length)
      return errorIssue('not-found', 'The reference names a Patient that is not here.', at)
    })
}

/** A urn that names no entry would leave the resource without its patient, and so without protection. */
function danglingLinks(resource: Resource, where: string): Issue[] {
  return referencesIn(resource)
    .filter(({ reference }) => /^urn:(uuid|oid):/.test(reference))
    .map(({ path }) => {
      const at = where + path.slice(resource.resourceType.length)
      return errorIssue('not-found', 'The reference names no entry of this request.', at)
    })
}
