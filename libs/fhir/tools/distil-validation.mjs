// The two inputs of validation, without prose: the official JSON schema and the snapshots of the StructureDefinitions.

/**
 * Patterns of the official schema that take longer than linear on hostile text, and what stands here instead.
 *
 * base64Binary is exponential in blanks between its groups of four, and deep as the text is long; groups and padding are
 * left to the structure check. An unsignedInt's second half has no beginning, so it is tried at each digit.
 */
const LINEAR_PATTERNS = new Map([
  ['^(\\s*([0-9a-zA-Z\\+/=]){4}\\s*)+$', '^[\\s0-9a-zA-Z+/=]+$'],
  ['^[0]|([1-9][0-9]*)$', '^(0|[1-9][0-9]*)$'],
])

/**
 * The schema's definitions without descriptions. Resources inside resources are checked one by one by their own type,
 * so `ResourceList` (a `oneOf` over all types) becomes "an object that names its type".
 */
export function distilSchema(schema) {
  const definitions = {}
  for (const [name, definition] of Object.entries(schema.definitions)) {
    definitions[name] = objectsAlone(name, inLinearTime(withoutProse(definition)))
  }
  definitions.ResourceList = {
    type: 'object',
    required: ['resourceType'],
    properties: { resourceType: { type: 'string' } },
  }
  return { definitions }
}

function withoutProse(definition) {
  const { description: _, properties, ...rest } = definition
  if (!properties) return rest
  const kept = Object.entries(properties).map(([name, property]) => {
    const { description: _description, items, ...other } = property
    return [name, items ? { ...other, items: withoutProse(items) } : other]
  })
  return { ...rest, properties: Object.fromEntries(kept) }
}

/**
 * The official schema names the members of a data type and not that it is an object, so that it lets any number pass. An
 * Element stands in arrays beside primitives too, where null says that one of them has nothing to add.
 */
function objectsAlone(name, definition) {
  if (!definition.properties) return definition
  return { type: name === 'Element' ? ['object', 'null'] : 'object', ...definition }
}

function inLinearTime(definition) {
  const { properties, ...rest } = withLinearPattern(definition)
  if (!properties) return rest
  const members = Object.entries(properties).map(([name, property]) => [name, withLinearPattern(property)])
  return { ...rest, properties: Object.fromEntries(members) }
}

function withLinearPattern(one) {
  return one.pattern ? { ...one, pattern: LINEAR_PATTERNS.get(one.pattern) ?? one.pattern } : one
}

export function distilStructures(structures) {
  return structures.map((structure) => ({
    resourceType: 'StructureDefinition',
    url: structure.url,
    name: structure.name,
    type: structure.type,
    kind: structure.kind,
    abstract: structure.abstract,
    snapshot: { element: structure.snapshot.element.map(element) },
  }))
}

function element(definition) {
  const { id, path, sliceName, min, max, base, contentReference, slicing } = definition
  const valued = Object.entries(definition).filter(([key]) => /^(fixed|pattern)[A-Z]/.test(key))
  return pruned({
    id,
    path,
    sliceName,
    min,
    max,
    contentReference,
    slicing,
    base: base && { path: base.path, min: base.min, max: base.max },
    type: definition.type?.map(elementType),
    constraint: constraints(definition.constraint),
    ...Object.fromEntries(valued),
  })
}

function elementType({ code, targetProfile, profile, extension }) {
  return pruned({ code, targetProfile, profile, extension })
}

/**
 * Only errors are checked; ele-1 and dom-3 are skipped by the validator, so they are not kept. obs-7 takes quadratic
 * time there and never finds anything; own rules have it.
 */
function constraints(list = []) {
  const kept = list
    .filter((one) => one.severity === 'error' && !['ele-1', 'dom-3', 'obs-7'].includes(one.key))
    .map(({ key, severity, human, expression }) => ({ key, severity, human, expression: inOneWalk(key, expression) }))
  return kept.length > 0 ? kept : undefined
}

/** How sdf-8 and sdf-8a end: at each element the validator would look through all. Own rules have it. */
const OVER_ALL_ELEMENTS = new Map([
  ['sdf-8', " and element.tail().all(path.startsWith(%resource.snapshot.element.first().path&'.'))"],
  [
    'sdf-8a',
    " and (element.tail().empty() or element.tail().all(path.startsWith(%resource.differential.element.first().path.replaceMatches('\\\\..*','')&'.')))",
  ],
])

function inOneWalk(key, expression) {
  const end = OVER_ALL_ELEMENTS.get(key)
  if (end === undefined) return expression
  if (!expression.endsWith(end)) throw new Error(`${key} is not the rule that own-rules.ts stands in for`)
  return expression.slice(0, -end.length)
}

function pruned(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}
