// oxlint-disable vitest/expect-expect -- then() and thenRejected() assert
import { idOf, specification } from '@careseal/testing'
import { describe, it } from 'vitest'
import * as member from './member.decider.js'

const given = specification(member)
const data = { memberId: idOf(1), kind: 'hospital', organizationId: idOf(2) } as const
const admitted = { type: 'MemberAdmitted', data } as const

describe('a member organisation', () => {
  it('is admitted', () => {
    given()
      .when({ type: 'AdmitMember', ...data })
      .then(admitted)
  })
  it('is admitted once', () => {
    given(admitted)
      .when({ type: 'AdmitMember', ...data })
      .thenRejected('member-exists')
  })
})
