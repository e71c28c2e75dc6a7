import { createFhir, type JsonObject } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import type { LoggedAccess } from '../access-log/access-log.query.js'
import { auditEventOf } from './balp.js'

const { validateResource } = createFhir(loadDefinitions())
const context = { fhirBase: 'http://localhost:8080/fhir', issuer: 'http://localhost:8080/auth' }
const patientId = idOf(3)

function line(change: Partial<LoggedAccess>): LoggedAccess {
  return {
    entryId: idOf(1),
    number: idOf(2),
    occurredAt: new Date('2026-01-01T10:00:00.123Z'),
    eventType: 'RecordRead',
    actorId: idOf(4),
    role: 'practitioner',
    memberId: idOf(5),
    purpose: 'TREAT',
    action: 'R',
    interaction: 'read',
    outcome: 'success',
    types: ['Observation'],
    eventId: idOf(6),
    producer: 'records',
    seq: '7',
    references: [`Observation/${idOf(8)}/_history/${idOf(9)}`],
    facts: {},
    practitionerId: idOf(10),
    organizationId: idOf(11),
    ...change,
  }
}

const several = [1, 2, 3].map((n) => `Observation/${idOf(n)}/_history/${idOf(n)}`)
const decided: Partial<LoggedAccess> = { action: 'E', interaction: 'decision', references: [], producer: 'consent' }
const CASES: [string, Partial<LoggedAccess>, string | undefined][] = [
  ['a read', {}, 'PatientRead'],
  ['a read of one version', { interaction: 'vread' }, 'PatientRead'],
  ['a creation', { action: 'C', interaction: 'create' }, 'PatientCreate'],
  ['an update', { action: 'U', interaction: 'update' }, 'PatientUpdate'],
  ['a deletion', { action: 'D', interaction: 'delete' }, 'PatientDelete'],
  ['a search', { action: 'E', interaction: 'search-type', references: several }, 'PatientQuery'],
  ['a search that found nothing', { action: 'E', interaction: 'search-type', references: [] }, 'PatientQuery'],
  ['a history', { interaction: 'history-instance', references: several }, undefined],
  ['a permit by consent', { ...decided, facts: { consentVersionId: idOf(12) } }, 'AuthZconsent'],
  ['a permit by default', { ...decided, facts: { basis: 'default-policy' } }, undefined],
  ['a denial', { ...decided, outcome: 'denied', facts: { reason: 'no-consent' } }, undefined],
]

function codes(agents: JsonObject[], code: string): JsonObject[] {
  return agents.filter((agent) => JSON.stringify(agent.type).includes(`"${code}"`))
}

describe('an AuditEvent', () => {
  it.each(CASES)('of %s is valid FHIR and claims only a profile that it fulfils', (_what, change, profile) => {
    const event = auditEventOf(line(change), patientId, context)
    expect(validateResource(event)).toMatchObject({ ok: true })
    const claimed = (event.meta as { profile?: string[] }).profile?.map((url) => url.split('.').at(-1))
    expect(claimed).toEqual(profile === undefined ? undefined : [profile])
  })

  it.each(CASES)('of %s names the patient once and one requestor', (_what, change) => {
    const { entity, agent } = auditEventOf(line(change), patientId, context) as Record<string, JsonObject[]>
    const patients = entity!.filter(
      ({ what }) => (what as JsonObject | undefined)?.reference === `Patient/${patientId}`,
    )
    expect(patients).toHaveLength(1)
    expect(agent!.filter(({ requestor }) => requestor === true)).toHaveLength(1)
  })

  it('of a read swaps source and destination, since data flows to the client', () => {
    const ofRead = auditEventOf(line({}), patientId, context).agent as JsonObject[]
    const ofWrite = auditEventOf(line({ interaction: 'create' }), patientId, context).agent as JsonObject[]
    expect(codes(ofRead, '110153')[0]).toMatchObject({ network: { address: context.fhirBase } })
    expect(codes(ofWrite, '110152')[0]).toMatchObject({ network: { address: context.fhirBase } })
  })

  it('of a denial is a serious failure and says why', () => {
    const event = auditEventOf(
      line({ ...decided, outcome: 'denied', facts: { reason: 'no-consent' } }),
      patientId,
      context,
    )
    expect(event).toMatchObject({ outcome: '8', outcomeDesc: 'no-consent' })
  })

  it('names the practitioner where identity knows one, else the account', () => {
    const agents = auditEventOf(line({ practitionerId: null }), patientId, context).agent as JsonObject[]
    const account = { identifier: { system: context.issuer, value: idOf(4) } }
    expect(codes(agents, 'IRCP')[0]!.who).toEqual(account)
    const known = auditEventOf(line({}), patientId, context).agent as JsonObject[]
    expect(codes(known, 'IRCP')[0]!.who).toEqual({ reference: `Practitioner/${idOf(10)}`, ...account })
  })
})
