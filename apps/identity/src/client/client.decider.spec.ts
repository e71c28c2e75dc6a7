// oxlint-disable vitest/expect-expect -- then() and thenRejected() assert
import { idOf, specification } from '@careseal/testing'
import { describe, it } from 'vitest'
import * as decider from './client.decider.js'
import type { ClientEvent } from './client.decider.js'

const given = specification(decider)
const clientAccountId = idOf(1)
const memberId = idOf(2)
const registered: ClientEvent = { type: 'ClientRegistered', data: { clientAccountId, memberId, role: 'system' } }

describe('a client', () => {
  it('of a member is registered as a system', () => {
    given().when({ type: 'RegisterSystem', clientAccountId, memberId, member: 'admitted' }).then(registered)
  })

  it('of an unknown member is not registered', () => {
    given().when({ type: 'RegisterSystem', clientAccountId, memberId, member: 'absent' }).thenRejected('unknown-member')
  })

  it('of the deployer needs no member', () => {
    given()
      .when({ type: 'RegisterSystem', clientAccountId })
      .then({ type: 'ClientRegistered', data: { clientAccountId, role: 'system' } })
  })

  it.each(['patient', 'practitioner', 'auditor', 'operator'] as const)('acts as an open account of a %s', (role) => {
    given()
      .when({ type: 'RegisterLogin', clientAccountId, account: { status: 'open', role } })
      .then({ type: 'ClientRegistered', data: { clientAccountId, role } })
  })

  it('acts as no account that is unknown, closed, or a system', () => {
    const login = { type: 'RegisterLogin', clientAccountId } as const
    given()
      .when({ ...login, account: { status: 'absent' } })
      .thenRejected('unknown-account')
    given()
      .when({ ...login, account: { status: 'closed', role: 'patient' } })
      .thenRejected('account-closed')
    given()
      .when({ ...login, account: { status: 'open', role: 'system' } })
      .thenRejected('system-account')
  })

  it('is registered once', () => {
    given(registered).when({ type: 'RegisterSystem', clientAccountId }).thenRejected('client-exists')
  })
})
