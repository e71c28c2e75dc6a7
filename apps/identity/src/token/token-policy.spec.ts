import { Role } from '@careseal/contracts'
import { parseFhirScope } from '@careseal/authz'
import { idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { ALLOWED_SCOPES, assertionFault, fhirUserOf, grantedScopes } from './token-policy.js'

describe('the scopes of a role', () => {
  it.each([
    ['patient', 'patient/*.cruds', 'patient/*.rs patient/Consent.cruds'],
    ['patient', 'patient/Observation.read', 'patient/Observation.rs'],
    ['patient', 'patient/Observation.c user/*.rs', ''],
    ['practitioner', 'user/Patient.rs user/Observation.cruds', 'user/Patient.rs user/Observation.cruds'],
    ['practitioner', 'patient/*.rs system/*.cruds', ''],
    ['system', 'system/*.*', 'system/*.cruds'],
    ['operator', 'careseal/admin user/*.cruds', 'careseal/admin'],
    ['auditor', 'careseal/audit careseal/admin user/*.cruds', 'careseal/audit user/AuditEvent.rs'],
  ] as const)('%s asks for %j and gets %j', (role, requested, granted) => {
    expect(grantedScopes(requested, role).join(' ')).toBe(granted)
  })

  it('are all that an unnamed request gets: nothing', () => {
    for (const role of Role.options) expect(grantedScopes(undefined, role)).toEqual([])
  })

  it('let no operator and no auditor at health data', () => {
    const types = [...ALLOWED_SCOPES.operator, ...ALLOWED_SCOPES.auditor].map((scope) => parseFhirScope(scope)?.type)
    expect(types.filter((type) => type !== undefined)).toEqual(['AuditEvent'])
  })
})

describe('fhirUser', () => {
  const base = 'http://localhost:8080/fhir'
  it('is the resource that stands for a person', () => {
    expect(fhirUserOf({ role: 'patient', patientId: idOf(1) }, base)).toBe(`${base}/Patient/${idOf(1)}`)
    expect(fhirUserOf({ role: 'practitioner', practitionerId: idOf(2) }, base)).toBe(`${base}/Practitioner/${idOf(2)}`)
  })
  it('is absent where no resource does', () => {
    expect(fhirUserOf({ role: 'practitioner', memberId: idOf(3) }, base)).toBeUndefined()
    expect(fhirUserOf({ role: 'operator' }, base)).toBeUndefined()
  })
})

describe('an assertion', () => {
  const now = 1_000_000
  const good = { iss: 'c', sub: 'c', jti: 'x', exp: now + 300 }
  it('may live for five minutes and the clocks differ a little', () => {
    expect(assertionFault(good, now)).toBeUndefined()
    expect(assertionFault({ ...good, exp: now + 305 }, now)).toBeUndefined()
    expect(assertionFault({ ...good, exp: now + 306 }, now)).toContain('5 minutes')
    expect(assertionFault({ ...good, exp: 'never' }, now)).toContain('5 minutes')
  })
  it('names its client twice and has a short jti', () => {
    expect(assertionFault({ ...good, sub: 'd' }, now)).toContain('client_id')
    expect(assertionFault({ ...good, jti: 'x'.repeat(257) }, now)).toContain('jti')
  })
})
