// oxlint-disable vitest/expect-expect -- then() and thenRejected() assert
import type { EventData } from '@careseal/contracts'
import { idOf, specification } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import * as consent from './consent.decider.js'
import type { Actor, ConsentEvent, ConsentTerms } from './consent.decider.js'

const given = specification<consent.Consent, consent.ConsentCommand, ConsentEvent>(consent)
const patientId = idOf(1)
const patient: Actor = { actorId: idOf(2), role: 'patient', patientId, isRecorder: false }
const recorder: Actor = { actorId: idOf(3), role: 'practitioner', memberId: idOf(4), isRecorder: true }
const terms: ConsentTerms = { effect: 'permit', grantees: [{ kind: 'practitioner', id: idOf(5) }], purposes: ['TREAT'] }
const target = { actor: patient, consentId: idOf(6), versionId: idOf(7), patientId }
const grant = { type: 'GrantConsent' as const, ...target, terms }
const replace = { type: 'ReplaceConsent' as const, ...target, versionId: idOf(8), terms: { ...terms, purposes: [] } }
const revoke = { type: 'RevokeConsent' as const, ...target, versionId: idOf(9) }

function granted(by: Actor = patient, change: Partial<EventData<'ConsentGranted'>> = {}): ConsentEvent {
  const actor = { actorId: by.actorId, role: by.role, ...(by.memberId ? { memberId: by.memberId } : {}) }
  const named = { consentId: idOf(6), versionId: idOf(7), patientId }
  return { type: 'ConsentGranted', data: { ...actor, ...named, ...terms, ...change } }
}

function revoked(by: Actor = patient): ConsentEvent {
  const actor = { actorId: by.actorId, role: by.role, ...(by.memberId ? { memberId: by.memberId } : {}) }
  return { type: 'ConsentRevoked', data: { ...actor, consentId: idOf(6), versionId: idOf(9), patientId } }
}

describe('granting', () => {
  it('is done by the patient', () => given().when(grant).then(granted()))

  it('is done by a recorder where the deployment has some', () =>
    given()
      .when({ ...grant, actor: recorder })
      .then(granted(recorder)))

  it.each([
    ['another patient', { ...patient, patientId: idOf(99) }],
    ['a practitioner who is no recorder', { ...recorder, isRecorder: false }],
    ["a practitioner whose token names the patient's id", { ...recorder, isRecorder: false, patientId }],
  ])('is not done by %s', (_who, actor) =>
    given()
      .when({ ...grant, actor })
      .thenRejected('not-the-patient'),
  )

  it('happens once', () => given(granted()).when(grant).thenRejected('already-granted'))

  it('needs a period that does not end before it starts', () => {
    const period = { periodStart: '2026-01-02T00:00:00Z', periodEnd: '2026-01-01T23:59:59Z' }
    given()
      .when({ ...grant, terms: { ...terms, ...period } })
      .thenRejected('ends-before-it-starts')
  })
})

describe('replacing', () => {
  it('gives an active consent new terms', () =>
    given(granted())
      .when(replace)
      .then(granted(patient, { versionId: idOf(8), purposes: [] })))

  it('does not wake a revoked consent', () => given(granted(), revoked()).when(replace).thenRejected('not-active'))
  it('needs a consent', () => given().when(replace).thenRejected('unknown-consent'))

  it('never moves a consent to another patient', () =>
    given(granted(recorder))
      .when({ ...replace, actor: recorder, patientId: idOf(98) })
      .thenRejected('other-patient'))
})

describe('revoking', () => {
  it('is done by the patient', () => given(granted()).when(revoke).then(revoked()))
  it('is done by the patient also where a recorder wrote it down', () =>
    given(granted(recorder)).when(revoke).then(revoked()))

  it('is done by recorders of the member that wrote it down', () =>
    given(granted(recorder))
      .when({ ...revoke, actor: { ...recorder, actorId: idOf(33) } })
      .then(revoked({ ...recorder, actorId: idOf(33) })))

  it.each([
    ['a consent that the patient granted', granted()],
    ["another member's consent", granted({ ...recorder, memberId: idOf(44) })],
  ])('is not done by a recorder to %s', (_which, past) =>
    given(past)
      .when({ ...revoke, actor: recorder })
      .thenRejected('not-the-patient'),
  )

  it('is final', () => given(granted(), revoked()).when(revoke).thenRejected('not-active'))

  it('of a foreign consent tells nobody whether it is active', () => {
    const stranger = { ...patient, patientId: idOf(99) }
    given(granted(), revoked())
      .when({ ...revoke, actor: stranger })
      .thenRejected('not-the-patient')
  })
})

it('a replaced consent is active and stays in the care of the member that recorded it', () => {
  const state = [granted(recorder), granted(patient)].reduce(consent.evolve, consent.initialState)
  expect(state).toEqual({ status: 'active', patientId, recordedByMember: idOf(4) })
})
