// Single writes and bundle entries as the same thing.
import { isObject, isResourceType, OWNED_BY_RECORDS, type BundleEntry, type Resource } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import { randomUUID } from 'node:crypto'
import { isServerId, type WriteRequest } from './write-plan.js'
import { notFoundToWrite } from '../access/refusals.js'
import { ifMatchTag } from '../versions/version.js'

/** Throws 404 for what is no R4 type or is owned by another service. */
export function assertOwned(type: string): void {
  if (OWNED_BY_RECORDS.has(type)) return
  const text = isResourceType(type) ? 'Another service owns this type.' : 'There is no such resource type in FHIR R4.'
  throw new HttpProblem(404, 'type-not-supported', text)
}

/** The body as a resource of this type. Throws 400. */
export function bodyOf(body: unknown, type: string, id?: string): Resource {
  if (!isObject(body)) throw invalid('The body must be a resource.', type)
  if (body.resourceType !== type)
    throw invalid('resourceType is not the type that the URL names.', `${type}.resourceType`)
  if (id !== undefined && body.id !== id) throw invalid('id is not the one that the URL names.', `${type}.id`)
  return body as Resource
}

export function createOf(type: string, body: unknown): WriteRequest {
  return { interaction: 'create', type, id: randomUUID(), resource: bodyOf(body, type), where: type }
}

export function updateOf(reference: { type: string; id: string }, body: unknown, ifMatch?: string): WriteRequest {
  const resource = bodyOf(body, reference.type, reference.id)
  assertServerId(reference.id)
  return { interaction: 'update', ...reference, resource, where: reference.type, ...(ifMatch ? { ifMatch } : {}) }
}

export function deleteOf(reference: { type: string; id: string }, ifMatch?: string): WriteRequest {
  assertServerId(reference.id)
  return { interaction: 'delete', ...reference, where: reference.type, ...(ifMatch ? { ifMatch } : {}) }
}

/** The write of a bundle's entry; creates get their ids here. */
export function entryWrite(entry: BundleEntry): WriteRequest {
  const where = `Bundle.entry[${entry.index}].resource`
  const tag = entry.ifMatch === undefined ? undefined : ifMatchTag(entry.ifMatch)
  const ifMatch = tag === undefined ? {} : { ifMatch: tag }
  if (entry.method === 'POST') {
    return { interaction: 'create', type: entry.type, id: randomUUID(), resource: entry.resource!, where }
  }
  const id = entry.id ?? ''
  if (entry.method === 'DELETE') {
    return { interaction: 'delete', type: entry.type, id, where: `Bundle.entry[${entry.index}]`, ...ifMatch }
  }
  return { interaction: 'update', type: entry.type, id, resource: entry.resource!, where, ...ifMatch }
}

function assertServerId(id: string): void {
  if (!isServerId(id)) throw notFoundToWrite()
}

function invalid(text: string, expression: string): HttpProblem {
  const issue = { severity: 'error' as const, code: 'invalid', diagnostics: text, expression: [expression] }
  return new HttpProblem(400, 'invalid-body', text, { issues: [issue] })
}
