import { isObject, type Json, type Resource } from '../resource.js'

/** A resource inside a resource and the FHIRPath to it. */
export type Embedded = { resource: Resource; path: string }

/**
 * Every resource that lies inside `resource` at any depth (contained, bundle entries, parameters), not itself.
 *
 * FHIR allows that in three members alone; an element named `resourceType` elsewhere makes no resource.
 */
export function embeddedResources(resource: Resource): Embedded[] {
  const found: Embedded[] = []
  const visit = (value: Json, path: string, holder: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}[${index}]`, holder))
    if (!isObject(value)) return
    if (holdsResources(holder) && typeof value.resourceType === 'string')
      found.push({ resource: value as Resource, path })
    for (const [name, member] of Object.entries(value)) visit(member, `${path}.${name}`, name)
  }
  visit(resource, resource.resourceType, '')
  return found
}

/** `contained` anywhere, `resource` of bundle entries and parameters, `outcome` of a bundle's response. */
export function holdsResources(member: string): boolean {
  return member === 'contained' || member === 'resource' || member === 'outcome'
}
