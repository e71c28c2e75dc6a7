import { EVENT_TYPES, type EventBody, type EventType } from '@careseal/contracts'
import { eventBody, idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { entryOf, LOGGED_TYPES } from './access-entry.js'

const actor = { actorId: idOf(1), role: 'practitioner' as const, memberId: idOf(2) }
const patientId = idOf(3)
const version = (n: number) => ({ type: 'Observation', id: idOf(n), versionId: idOf(n + 1) })

describe('a line of the access log', () => {
  it('says who read which versions, why, and with which permit', () => {
    const data = {
      ...actor,
      patientId,
      permitId: idOf(4),
      purpose: 'TREAT' as const,
      interaction: 'search' as const,
      versions: [version(10), { ...version(20), type: 'Condition' }, version(30)],
    }
    expect(entryOf(eventBody('RecordRead', data))).toEqual({
      patientId,
      eventId: idOf(900),
      occurredAt: '2026-01-01T00:00:00Z',
      eventType: 'RecordRead',
      ...actor,
      purpose: 'TREAT',
      action: 'E',
      interaction: 'search-type',
      outcome: 'success',
      types: ['Condition', 'Observation'],
      references: [
        `Observation/${idOf(10)}/_history/${idOf(11)}`,
        `Condition/${idOf(20)}/_history/${idOf(21)}`,
        `Observation/${idOf(30)}/_history/${idOf(31)}`,
      ],
      facts: { permitId: idOf(4) },
    })
  })

  it('says why access was denied', () => {
    const data = {
      ...actor,
      patientId,
      purpose: 'HRESCH' as const,
      action: 'read' as const,
      types: ['Observation'],
      decisionId: idOf(5),
      reason: 'no-consent' as const,
    }
    expect(entryOf(eventBody('AccessDenied', data))).toMatchObject({
      outcome: 'denied',
      purpose: 'HRESCH',
      facts: { reason: 'no-consent', requestedAction: 'read' },
    })
  })

  it('shows a look into the log as well', () => {
    const data = { actorId: idOf(6), role: 'auditor' as const, patientId, entries: 7 }
    expect(entryOf(eventBody('AccessLogRead', data))).toMatchObject({ memberId: null, facts: { entries: 7 } })
  })

  it('names the patient in lower case, whatever the event wrote', () => {
    const data = { actorId: idOf(6), role: 'auditor' as const, patientId: idOf(0xa).toUpperCase(), entries: 7 }
    expect(entryOf(eventBody('AccessLogRead', data))?.patientId).toBe(data.patientId.toLowerCase())
  })

  it('is not made of an event that is about no patient', () => {
    const data = { ...actor, purpose: 'TREAT' as const, interaction: 'read' as const, versions: [version(10)] }
    expect(entryOf(eventBody('RecordRead', data))).toBeNull()
    expect(entryOf(eventBody('AccountClosed', { accountId: idOf(7) }) as EventBody)).toBeNull()
  })

  it('is made of every event in which somebody does something about a patient', () => {
    const administrative: EventType[] = [
      'MemberAdmitted',
      'PractitionerRegistered',
      'PatientAccountOpened',
      'StaffAccountOpened',
      'ClientRegistered',
      'AccountClosed',
    ]
    const others = EVENT_TYPES.filter((type) => !LOGGED_TYPES.includes(type))
    expect(others.toSorted()).toEqual(administrative.toSorted())
  })
})
