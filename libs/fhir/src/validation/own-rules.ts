// What the JSON schema and core's validator both miss, in one walk over the resource: empty arrays and objects,
// references to contained resources that are not there, periods that end before they start, scripts in narratives.
import { instantRange } from '../dates.js'
import { errorIssue, type Issue } from '../issue.js'
import { isObject, type Json, type JsonObject, type Resource } from '../resource.js'
import { holdsResources } from './embedded.js'
import { narrativeFault } from './narrative.js'

type Walk = { issues: Issue[]; containedIds: ReadonlySet<string> }

export function ownRules(resource: Resource): Issue[] {
  const walk: Walk = { issues: [], containedIds: containedIds(resource) }
  visitObject(resource, resource.resourceType, walk, '')
  return walk.issues
}

function visit(value: Json, path: string, walk: Walk, holder: string): void {
  if (typeof value === 'string') checkText(value, path, walk)
  else if (Array.isArray(value)) visitArray(value, path, walk, holder)
  else if (isObject(value)) visitObject(value, path, walk, holder)
}

/** Half of a surrogate pair is no character, and no canonical JSON could commit to it. */
function checkText(value: string, path: string, walk: Walk): void {
  if (!value.isWellFormed()) walk.issues.push(errorIssue('value', 'The text is not well-formed Unicode.', path))
}

function visitArray(values: Json[], path: string, walk: Walk, holder: string): void {
  if (values.length === 0) walk.issues.push(errorIssue('structure', 'An array must not be empty.', path))
  values.forEach((value, index) => visit(value, `${path}[${index}]`, walk, holder))
}

function visitObject(value: JsonObject, path: string, walk: Walk, holder: string): void {
  const inside = isEmbedded(value, holder) ? { ...walk, containedIds: scopeOf(value, walk) } : walk
  const members = Object.entries(value)
  if (members.length === 0) walk.issues.push(errorIssue('structure', 'An object must not be empty.', path))
  checkReference(value, path, inside)
  checkComponents(value, path, inside)
  checkElementPaths(value, path, inside)
  checkPeriod(value, path, inside)
  checkNarrative(value, path, inside)
  for (const [name, member] of members) visit(member, `${path}.${name}`, inside, name)
}

function isEmbedded(value: JsonObject, holder: string): boolean {
  return holdsResources(holder) && typeof value.resourceType === 'string'
}

/** A bundle's entry brings its own contained resources; a contained resource sees those of its container. */
function scopeOf(value: JsonObject, walk: Walk): ReadonlySet<string> {
  const own = containedIds(value)
  return own.size > 0 ? own : walk.containedIds
}

function containedIds(resource: JsonObject): ReadonlySet<string> {
  const contained = Array.isArray(resource.contained) ? resource.contained : []
  return new Set(contained.flatMap((inner) => (isObject(inner) && typeof inner.id === 'string' ? [inner.id] : [])))
}

function checkReference(value: JsonObject, path: string, walk: Walk): void {
  const { reference } = value
  if (typeof reference !== 'string' || !reference.startsWith('#') || reference === '#') return
  if (walk.containedIds.has(reference.slice(1))) return
  walk.issues.push(errorIssue('invariant', 'ref-1: there is no such contained resource.', `${path}.reference`))
}

function checkPeriod(value: JsonObject, path: string, walk: Walk): void {
  if (typeof value.start !== 'string' || typeof value.end !== 'string') return
  const start = instantRange(value.start)
  const end = instantRange(value.end)
  if (!start || !end || start.from < end.until) return
  walk.issues.push(errorIssue('invariant', 'per-1: the start must not be after the end.', path))
}

function checkNarrative(value: JsonObject, path: string, walk: Walk): void {
  if (typeof value.div !== 'string') return
  const fault = narrativeFault(value.div)
  if (fault) walk.issues.push(errorIssue('security', fault, `${path}.div`))
}

/** How sdf-8 and sdf-8a end. Core would look through all elements at each of them. */
function checkElementPaths(value: JsonObject, path: string, walk: Walk): void {
  if (value.resourceType !== 'StructureDefinition') return
  for (const [view, rule] of [
    ['snapshot', 'sdf-8'],
    ['differential', 'sdf-8a'],
  ] as const) {
    const [first = '', ...others] = elementPaths(value[view])
    const root = view === 'snapshot' ? first : first.split('.')[0]!
    const astray = others.findIndex((other) => !other.startsWith(`${root}.`))
    if (astray === -1) continue
    const text = `${rule}: the path of an element must begin with that of the first one.`
    walk.issues.push(errorIssue('invariant', text, `${path}.${view}.element[${astray + 1}].path`))
  }
}

function elementPaths(view: Json | undefined): string[] {
  if (!isObject(view) || !Array.isArray(view.element)) return []
  return view.element.map((element) => (isObject(element) && typeof element.path === 'string' ? element.path : ''))
}

/** obs-7, which core evaluates by identity of objects and so never finds. */
function checkComponents(value: JsonObject, path: string, walk: Walk): void {
  if (value.resourceType !== 'Observation' || !Object.keys(value).some((name) => /^value[A-Z]/.test(name))) return
  const own = new Set(codings(value.code))
  const components = Array.isArray(value.component) ? value.component : []
  components.forEach((component, index) => {
    if (!isObject(component) || !codings(component.code).some((coding) => own.has(coding))) return
    const text = 'obs-7: a component must not have the code of the observation when that has a value.'
    walk.issues.push(errorIssue('invariant', text, `${path}.component[${index}].code`))
  })
}

function codings(concept: Json | undefined): string[] {
  if (!isObject(concept) || !Array.isArray(concept.coding)) return []
  return concept.coding.map((coding) => (isObject(coding) ? JSON.stringify(Object.entries(coding).toSorted()) : ''))
}
