// SMART App Launch 2.2 scopes: what a client may ask for. They never widen what consent allows.

/** create, read (and vread, instance history), update (and patch), delete, search (and type history). */
export type Interaction = 'c' | 'r' | 'u' | 'd' | 's'
export const INTERACTIONS = ['c', 'r', 'u', 'd', 's'] as const

export type ScopeLevel = 'patient' | 'user' | 'system'

export type FhirScope = {
  level: ScopeLevel
  /** A resource type, or `*`. */
  type: string
  /** In the order c r u d s, at least one. */
  interactions: readonly Interaction[]
  /** Search parameters that narrow the scope; such a scope grants nothing yet, for nothing here can enforce them. */
  parameters: readonly (readonly [name: string, value: string])[]
}

const FORM =
  /^(?<level>patient|user|system)\/(?<type>\*|[A-Z][A-Za-z]{1,63})\.(?<permissions>[a-z]+|\*)(?:\?(?<query>.+))?$/
const IN_ORDER = /^(?=.)c?r?u?d?s?$/
const VERSION_1: Record<string, string> = { read: 'rs', write: 'cud', '*': 'cruds' }

/** Parses one scope, version 1 or 2. Undefined for anything else: plain scopes, wrong order, unknown letters. */
export function parseFhirScope(scope: string): FhirScope | undefined {
  const groups = FORM.exec(scope)?.groups
  if (!groups) return undefined
  const { level, type, permissions, query } = groups as Record<'level' | 'type' | 'permissions', string> & {
    query?: string
  }
  const letters = VERSION_1[permissions] ?? permissions
  const parameters = parseParameters(query)
  // Version 1 knows no parameters.
  if (!IN_ORDER.test(letters) || !parameters || (query && letters !== permissions)) return undefined
  return { level: level as ScopeLevel, type, interactions: [...letters] as Interaction[], parameters }
}

/** The version 2 form of a scope. */
export function formatFhirScope({ level, type, interactions, parameters }: FhirScope): string {
  const query = parameters.map(([name, value]) => `${name}=${value}`).join('&')
  return `${level}/${type}.${interactions.join('')}${query && `?${query}`}`
}

/** Whether one of the scopes lets its client ask for this interaction on this type. */
export function permits(scopes: readonly string[], interaction: Interaction, type: string): boolean {
  return scopes.some((text) => {
    const scope = parseFhirScope(text)
    if (!scope || scope.parameters.length > 0) return false
    return (scope.type === '*' || scope.type === type) && scope.interactions.includes(interaction)
  })
}

/**
 * What is left of the requested scopes where only `allowed` may be had: per level, type and interaction exactly what
 * both grant. Scopes that are no FHIR scopes stay when they are allowed word for word. Narrowed scopes are dropped.
 */
export function reduceScopes(requested: readonly string[], allowed: readonly string[]): string[] {
  const kept = requested.flatMap((text) => {
    const scope = parseFhirScope(text)
    return scope ? reduceOne(scope, allowed) : allowed.filter((plain) => plain === text)
  })
  return [...new Set(kept)]
}

function reduceOne(scope: FhirScope, allowed: readonly string[]): string[] {
  if (scope.parameters.length > 0) return []
  return allowed.flatMap((text) => {
    const other = parseFhirScope(text)
    const common = other && intersect(scope, other)
    return common ? [formatFhirScope(common)] : []
  })
}

function intersect(one: FhirScope, other: FhirScope): FhirScope | undefined {
  const type = one.type === '*' ? other.type : one.type
  const sameType = other.type === '*' || other.type === type
  const interactions = one.interactions.filter((letter) => other.interactions.includes(letter))
  if (one.level !== other.level || !sameType || interactions.length === 0) return undefined
  return { level: one.level, type, interactions, parameters: [] }
}

function parseParameters(query: string | undefined): [string, string][] | undefined {
  if (query === undefined) return []
  const pairs = query.split('&').map((pair) => /^([A-Za-z_][\w.:-]*)=([^\s&=]+)$/.exec(pair))
  if (pairs.some((pair) => pair === null)) return undefined
  return pairs.map((pair) => [pair![1]!, pair![2]!])
}
