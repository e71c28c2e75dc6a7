// Whose resource it is: the Patient compartment, and the one owner whose key encrypts it (design/privacy.md, "Keys").
import { COMPARTMENT_PATHS } from './generated/compartment-paths.js'
import { valuesAt } from './paths.js'
import { isObject, type Json, type JsonObject, type Resource } from './resource.js'
import { embeddedResources } from './validation/embedded.js'

const paths: Readonly<Record<string, readonly string[]>> = COMPARTMENT_PATHS

export type Owner =
  | { kind: 'patient'; id: string }
  | { kind: 'practitioner'; id: string }
  | { kind: 'organization'; id: string }
  | { kind: 'deployment' }

/**
 * The ids of all patients whom the resource concerns, without repeats, the owner first.
 *
 * They are those of the type's compartment parameters in the order of the CompartmentDefinition, then those of
 * resources inside it. Each of them must permit a read. Only local references (`Patient/<id>`) count.
 */
export function compartmentPatients(resource: Resource): string[] {
  return [...new Set([...ownPatients(resource), ...innerPatients(resource)])]
}

/** Whether instances of this type belong to patients as a rule, so that a search needs a patient. */
export function isPatientType(type: string): boolean {
  return type === 'Patient' || type in COMPARTMENT_PATHS
}

/** Whose key encrypts this resource, by its first patient, else by its own kind. The resource must have its final id. */
export function ownerOf(resource: Resource): Owner {
  const [patient] = compartmentPatients(resource)
  if (patient !== undefined) return { kind: 'patient', id: patient }
  const id = typeof resource.id === 'string' ? resource.id : ''
  if (resource.resourceType === 'Practitioner') return { kind: 'practitioner', id }
  if (resource.resourceType === 'Organization') return { kind: 'organization', id }
  return { kind: 'deployment' }
}

/**
 * Where a resource without patients points at somebody who is not a resource of this server: by identifier or name
 * alone, at another server, at a contained Patient, by a search. Such a resource would belong to the deployment and be
 * open to every token, though it tells about a person. Paths below the resource, such as `subject`; empty for a
 * resource with patients, and for one that points at nobody.
 */
export function strangersOf(resource: Resource): string[] {
  if (compartmentPatients(resource).length > 0) return []
  const [main, ...others] = paths[resource.resourceType] ?? []
  const ofMain = main !== undefined && valuesAt(resource, main).some((value) => !isLocal(value)) ? [main] : []
  return [...ofMain, ...others.filter((path) => valuesAt(resource, path).some(meansPatient))]
}

function isLocal(value: Json): boolean {
  return isObject(value) && typeof value.reference === 'string' && LOCAL.test(value.reference)
}

// A performer or an author may be known by name alone; a patient may not.
function meansPatient(value: Json): boolean {
  if (!isObject(value) || isLocal(value)) return false
  const { reference, type } = value
  return type === 'Patient' || (typeof reference === 'string' && /^#|Patient/.test(reference))
}

function ownPatients(resource: JsonObject): string[] {
  const type = String(resource.resourceType)
  const self = type === 'Patient' && typeof resource.id === 'string' ? [resource.id] : []
  const referenced = (paths[type] ?? [])
    .flatMap((path) => valuesAt(resource, path))
    .flatMap((value) => {
      const id = isObject(value) ? localPatient(value.reference) : undefined
      return id === undefined ? [] : [id]
    })
  return [...self, ...referenced]
}

/** Bundles, Parameters and contained resources carry data of the patients of what lies in them, however deep. */
function innerPatients(resource: Resource): string[] {
  return embeddedResources(resource).flatMap((inner) => ownPatients(withoutLocalId(inner.resource)))
}

/** A Patient inside another resource has an id of its own making unless it is a server's uuid. */
function withoutLocalId(value: JsonObject): JsonObject {
  return typeof value.id === 'string' && UUID.test(value.id) ? value : { ...value, id: null }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function localPatient(reference: unknown): string | undefined {
  return typeof reference === 'string' ? localReference(reference, 'Patient') : undefined
}

const LOCAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/** The id in `Type/id` or `Type/id/_history/v` when the reference is local and of this type. */
export function localReference(reference: string, type: string): string | undefined {
  const match = LOCAL.exec(reference)
  return match?.[1] === type ? match[2] : undefined
}
