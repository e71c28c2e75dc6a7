// oxlint-disable vitest/expect-expect -- then() and thenRejected() assert
import { idOf, specification } from '@careseal/testing'
import { describe, it } from 'vitest'
import * as decider from './account.decider.js'
import type { AccountCommand, AccountEvent } from './account.decider.js'

const given = specification(decider)
const accountId = idOf(1)
const practitioner = { accountId, memberId: idOf(2), practitionerId: idOf(3) }
const registered: AccountEvent = { type: 'PractitionerRegistered', data: practitioner }
const patientOpened: AccountEvent = { type: 'PatientAccountOpened', data: { accountId, patientId: idOf(4) } }
const staffOpened: AccountEvent = { type: 'StaffAccountOpened', data: { accountId, role: 'auditor' } }
const system: AccountEvent = { type: 'ClientRegistered', data: { clientAccountId: accountId, role: 'system' } }
const closed: AccountEvent = { type: 'AccountClosed', data: { accountId } }
const close: AccountCommand = { type: 'CloseAccount', accountId, actorId: idOf(9) }
const openings: [string, AccountCommand, AccountEvent][] = [
  [
    'a practitioner of an admitted member',
    { type: 'RegisterPractitioner', member: 'admitted', ...practitioner },
    registered,
  ],
  ['a patient', { type: 'OpenPatientAccount', accountId, patientId: idOf(4) }, patientOpened],
  ['staff', { type: 'OpenStaffAccount', accountId, role: 'auditor' }, staffOpened],
]

describe('an account', () => {
  it.each(openings)('of %s is opened', (_whose, command, event) => {
    given().when(command).then(event)
  })

  it.each(openings)('of %s is opened once, also after it was closed', (_whose, command, event) => {
    given(event).when(command).thenRejected('account-exists')
    given(event, closed).when(command).thenRejected('account-exists')
  })

  it('of a practitioner needs a member who answers for it', () => {
    given()
      .when({ type: 'RegisterPractitioner', member: 'absent', ...practitioner })
      .thenRejected('unknown-member')
  })

  it.each([registered, patientOpened, staffOpened, system])('that began with $type is closed', (event) => {
    given(event).when(close).then(closed)
  })

  it('is closed once', () => {
    given(registered, closed).when(close).thenRejected('account-closed')
  })

  it('that was never opened is not closed', () => {
    given().when(close).thenRejected('unknown-account')
  })

  it('is not closed by whoever is using it', () => {
    given(staffOpened)
      .when({ ...close, actorId: accountId })
      .thenRejected('own-account')
  })

  it('keeps its role when it is closed', () => {
    given(patientOpened).when(close).thenState({ status: 'closed', role: 'patient' })
  })
})
