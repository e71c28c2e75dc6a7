// Links inside a bundle become links to what the server stored: references, uris, and links in narratives.
import { URI_MEMBERS } from './generated/uri-members.js'
import { isObject, type Json, type JsonObject, type Resource } from './resource.js'

const uriMembers: ReadonlySet<string> = new Set(URI_MEMBERS)

/** `links`: what a link becomes, by fullUrl. `base`: this server's own base (`https://…/fhir/`), cut off references. */
export type Rewriting = { links: ReadonlyMap<string, string>; base?: string }

/**
 * A copy of `resource` in which every link that is a key of `links` (a fullUrl) has become its value (`Type/id`), and
 * references to this server are relative.
 *
 * Links are Reference.reference, members of the types uri, url, canonical, uuid and oid, and `href` and `src` in a
 * narrative. Other strings, such as Identifier.value, stay. Source: http://hl7.org/fhir/R4/http.html#transaction
 */
export function rewriteReferences(resource: Resource, rewriting: Rewriting): Resource {
  return rewriteObject(resource, rewriting) as Resource
}

function rewriteObject(object: JsonObject, rewriting: Rewriting): JsonObject {
  const copy: JsonObject = {}
  for (const [name, value] of Object.entries(object)) copy[name] = rewriteMember(name, value, rewriting)
  return copy
}

function rewriteMember(name: string, value: Json, rewriting: Rewriting): Json {
  if (Array.isArray(value)) return value.map((item) => rewriteMember(name, item, rewriting))
  if (isObject(value)) return rewriteObject(value, rewriting)
  if (typeof value !== 'string') return value
  if (name === 'div') return rewriteNarrative(value, rewriting)
  if (!uriMembers.has(name)) return value
  return rewriting.links.get(value) ?? (name === 'reference' ? relative(value, rewriting.base) : value)
}

function relative(reference: string, base: string | undefined): string {
  return base !== undefined && reference.startsWith(base) ? reference.slice(base.length) : reference
}

function rewriteNarrative(div: string, { links }: Rewriting): string {
  return div.replaceAll(
    /\b(href|src)\s*=\s*(["'])([^"']*)\2/g,
    (whole, attribute: string, quote: string, link: string) => {
      const target = links.get(link)
      return target === undefined ? whole : `${attribute}=${quote}${target}${quote}`
    },
  )
}

/** Every `reference` in the resource with its FHIRPath, for checks that need the links themselves. */
export function referencesIn(resource: Resource): { reference: string; path: string }[] {
  const found: { reference: string; path: string }[] = []
  const visit = (value: Json, path: string): void => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}[${index}]`))
    if (!isObject(value)) return
    if (typeof value.reference === 'string') found.push({ reference: value.reference, path: `${path}.reference` })
    for (const [name, member] of Object.entries(value)) visit(member, `${path}.${name}`)
  }
  visit(resource, resource.resourceType)
  return found
}
