import { callerOf, idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { isAbout } from './open-leaf-policy.js'

describe("identity's leaves", () => {
  it('open for their own account, patient and member', () => {
    const patient = callerOf('patient')
    expect(isAbout(patient, { subjectId: patient.patientId! })).toBe(true)
    const auditor = callerOf('auditor')
    expect(isAbout(auditor, { subjectId: auditor.accountId })).toBe(true)
    const system = callerOf('system')
    expect(isAbout(system, { subjectId: system.memberId! })).toBe(true)
  })

  it("open for nobody else, a member's practitioners and operators included", () => {
    const practitioner = callerOf('practitioner')
    expect(isAbout(practitioner, { subjectId: practitioner.memberId! })).toBe(false)
    expect(isAbout(callerOf('operator'), { subjectId: idOf(999) })).toBe(false)
  })
})
