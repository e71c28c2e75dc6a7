// Turns SearchParameter expressions and the Patient compartment into plain paths of JSON members.

const SEARCHED = ['code', 'date', 'category', 'patient', 'subject']

export function searchTables({ structures, types, parameters, compartment }) {
  const elements = elementIndex(structures)
  const pathsOf = (type, code) => {
    const found = parameters.find((p) => p.code === code && p.base.includes(type))
    return found ? expressionPaths(found.expression, type, elements) : []
  }
  return {
    parameters: searchParameters(types, pathsOf),
    compartment: compartmentPaths(types, compartment, pathsOf),
    uriMembers: uriMembers(structures),
  }
}

function searchParameters(types, pathsOf) {
  const table = {}
  for (const type of types) {
    const found = SEARCHED.map((code) => [code, pathsOf(type, code)]).filter(([, paths]) => paths.length > 0)
    if (found.length > 0) table[type] = Object.fromEntries(found)
  }
  return table
}

/** Binary has no search parameters, yet its securityContext says whose it is. */
const MORE = { Binary: ['securityContext'] }

/**
 * The compartment's parameters in their order, then the `patient` and `subject` parameters of the type: R4 leaves some
 * types with a patient (Device, Contract, GuidanceResponse) out of the compartment, and here they need a permit too.
 */
function compartmentPaths(types, compartment, pathsOf) {
  const table = {}
  for (const type of types) {
    const parameters = compartment.resource.find((r) => r.code === type)?.param ?? []
    const paths = [
      ...[...parameters, 'patient', 'subject'].flatMap((code) => pathsOf(type, code)),
      ...(MORE[type] ?? []),
    ]
    if (paths.length > 0) table[type] = [...new Set(paths)]
  }
  return table
}

function elementIndex(structures) {
  const index = new Map()
  for (const { snapshot } of structures) for (const e of snapshot.element) index.set(e.path, e)
  return index
}

/** `(A.b.ofType(X)) | A.c.where(…)` → the JSON members from the resource's root, choices spelled out. */
function expressionPaths(expression, type, elements) {
  return expression
    .split('|')
    .map((part) => part.trim().replace(/^\((.*)\)$/, '$1'))
    .filter((part) => part.startsWith(`${type}.`))
    .flatMap((part) => memberPaths(part, elements))
}

function memberPaths(part, elements) {
  const ofType = /\.ofType\((\w+)\)/.exec(part)?.[1]
  const plain = part.replace(/\.(ofType|where)\(.*$/, '')
  if (!/^[A-Za-z.]+$/.test(plain)) throw new Error(`cannot read the expression ${part}`)
  const choice = elements.get(`${plain}[x]`)
  const members = plain.split('.').slice(1)
  if (!choice) return [members.join('.')]
  return choice.type
    .map((t) => t.code)
    .filter((code) => !ofType || code === ofType)
    .map((code) => [...members.slice(0, -1), `${members.at(-1)}${code[0].toUpperCase()}${code.slice(1)}`].join('.'))
}

/** Members that hold a uri somewhere in R4, so that an entry's `urn:uuid` in them is a link inside the bundle. */
function uriMembers(structures) {
  const uris = new Set(['uri', 'url', 'canonical', 'uuid', 'oid'])
  const members = new Set(['reference', 'url'])
  for (const { snapshot } of structures) {
    for (const { path, type } of snapshot.element) {
      const name = path.split('.').at(-1)
      for (const { code } of (type ?? []).filter((t) => uris.has(t.code))) {
        members.add(name.endsWith('[x]') ? `${name.slice(0, -3)}${code[0].toUpperCase()}${code.slice(1)}` : name)
      }
    }
  }
  return [...members].toSorted()
}
