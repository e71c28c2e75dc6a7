import { RESOURCE_TYPES } from './generated/resource-types.js'

export { RESOURCE_TYPES }

const known: ReadonlySet<string> = new Set(RESOURCE_TYPES)

/** The two types that `records` does not own: the consent and the audit service do. */
export const OWNED_ELSEWHERE = ['Consent', 'AuditEvent'] as const

/** Every R4 resource type that the records service stores. */
export const OWNED_BY_RECORDS: ReadonlySet<string> = new Set(
  RESOURCE_TYPES.filter((type) => !(OWNED_ELSEWHERE as readonly string[]).includes(type)),
)

/** Whether `name` is the name of a FHIR R4 (4.0.1) resource type; case matters. */
export function isResourceType(name: string): boolean {
  return known.has(name)
}
