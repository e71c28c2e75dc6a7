import { isObject, type Json, type Resource } from '../resource.js'

/** A resource inside a resource and the FHIRPath to it. */
export type Embedded = { resource: Resource; path: string }

/**
 * Every resource that lies inside `resource` at any depth (contained, bundle entries, parameters), not itself.
 *
 * An object counts as a resource when it has a `resourceType` string.
 */
export function embeddedResources(resource: Resource): Embedded[] {
  const found: Embedded[] = []
  const visit = (value: Json, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}[${index}]`))
    if (!isObject(value)) return
    if (typeof value.resourceType === 'string') found.push({ resource: value as Resource, path })
    for (const [name, member] of Object.entries(value)) visit(member, `${path}.${name}`)
  }
  for (const [name, member] of Object.entries(resource)) visit(member, `${resource.resourceType}.${name}`)
  return found
}
