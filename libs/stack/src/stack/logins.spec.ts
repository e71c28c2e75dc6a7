import { expect, it } from 'vitest'
import { defaultScopeOf } from './logins.js'

it.each([
  ['patient', 'patient/*.cruds'],
  ['practitioner', 'user/*.cruds'],
  ['system', 'system/*.cruds'],
  ['operator', 'careseal/admin'],
  ['auditor', 'careseal/audit user/AuditEvent.rs'],
])('a login of the role %s asks for a scope that its role may have', (role, scope) => {
  expect(defaultScopeOf(role)).toBe(scope)
})
