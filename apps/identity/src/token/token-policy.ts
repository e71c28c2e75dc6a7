// Which scopes a role may have, and what an access token says about its bearer. Pure.
import { reduceScopes } from '@careseal/authz'
import type { Role } from '@careseal/contracts'

/** Operators run the deployment and auditors read its log: neither gets a scope on health data. */
export const ALLOWED_SCOPES: Record<Role, readonly string[]> = {
  patient: ['patient/*.rs', 'patient/Consent.cruds'],
  practitioner: ['user/*.cruds'],
  system: ['system/*.cruds'],
  operator: ['careseal/admin'],
  auditor: ['careseal/audit', 'user/AuditEvent.rs'],
}

/** The claim `careseal`: who the bearer is, in ids alone. */
export type BearerLinks = {
  role: Role
  memberId?: string
  practitionerId?: string
  organizationId?: string
  patientId?: string
}

/** The scopes to grant, in SMART version 2 form; empty when none of the requested ones is left. */
export function grantedScopes(requested: string | undefined, role: Role): string[] {
  return reduceScopes((requested ?? '').split(' ').filter(Boolean), ALLOWED_SCOPES[role])
}

/** The FHIR resource that stands for the bearer, where there is one (SMART `fhirUser`). */
export function fhirUserOf({ role, practitionerId, patientId }: BearerLinks, fhirBase: string): string | undefined {
  if (role === 'patient' && patientId) return `${fhirBase}/Patient/${patientId}`
  if (role === 'practitioner' && practitionerId) return `${fhirBase}/Practitioner/${practitionerId}`
  return undefined
}

/** Seconds ahead that an assertion's `exp` may lie (SMART Backend Services: five minutes). */
const ASSERTION_LIFETIME_SECONDS_MAX = 300
export const CLOCK_TOLERANCE_SECONDS = 5

/** Why an assertion is refused although its signature holds, or undefined. Times in seconds. */
export function assertionFault(
  { exp, sub, iss, jti }: { exp?: unknown; sub?: unknown; iss?: unknown; jti?: unknown },
  now: number,
): string | undefined {
  if (typeof exp !== 'number' || exp > now + ASSERTION_LIFETIME_SECONDS_MAX + CLOCK_TOLERANCE_SECONDS) {
    return 'exp must be at most 5 minutes ahead'
  }
  if (sub !== iss) return 'sub and iss must both be the client_id'
  return typeof jti === 'string' && jti.length <= 256 ? undefined : 'jti must be a string of at most 256 characters'
}
