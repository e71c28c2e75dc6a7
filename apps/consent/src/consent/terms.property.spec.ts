// Whatever a valid Consent says: either its event passes the schema of the contracts, or the Consent is refused.
import { EVENT_SCHEMAS } from '@careseal/contracts'
import { createFhir, type JsonObject } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { idOf } from '@careseal/testing'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { consentResource, recipient } from './consent.builder.js'
import { decide, initialState, type Actor } from './consent.decider.js'
import { readConsent } from './terms.js'

const BASE = 'http://localhost:8080/fhir'
const { validateResource } = createFhir(loadDefinitions())

const digits = (min: number, max: number, length: number) =>
  fc.integer({ min, max }).map((value) => String(value).padStart(length, '0'))
const zones = fc.constantFrom('Z', '+14:00', '-12:00', '-00:30')
const years = fc.oneof(fc.constantFrom('0001', '0099', '1969', '9999'), digits(0, 9999, 4))
const anyDate = fc
  .record({
    date: fc.tuple(years, digits(1, 12, 2), digits(1, 31, 2)),
    time: fc.tuple(digits(0, 23, 2), digits(0, 59, 2), digits(0, 60, 2)),
    fraction: fc.constantFrom('', '.9', '.9999', '.1234567890'),
    zone: zones,
    precision: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ date, time, fraction, zone, precision }) => {
    const day = date.slice(0, precision).join('-')
    return precision < 4 ? day : `${day}T${time.join(':')}${fraction}${zone}`
  })
const anyId = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.constantFrom('11111111-1111-1111-1111-111111111111', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'chosen-by-client'),
)
const anyConsent = fc
  .record({
    patientId: anyId,
    status: fc.constantFrom('active', 'inactive'),
    actors: fc.array(fc.tuple(fc.constantFrom('Practitioner' as const, 'Organization' as const), anyId), {
      maxLength: 2,
    }),
    period: fc.record({ start: anyDate, end: anyDate }, { requiredKeys: [] }),
  })
  .map(({ patientId, status, actors, period }): JsonObject => {
    const actor = actors.map(([type, id]) => recipient(type, id))
    const provision = { ...(actor.length > 0 && { actor }), ...(Object.keys(period).length > 0 && { period }) }
    return { ...consentResource(patientId, provision), status }
  })

function outcomeOf(resource: JsonObject): string {
  const reading = readConsent(resource, BASE)
  if ('issues' in reading) return 'refused'
  const actor: Actor = { actorId: idOf(2), role: 'patient', patientId: reading.patientId, isRecorder: false }
  const target = { actor, consentId: idOf(3), versionId: idOf(4), patientId: reading.patientId }
  const decision =
    reading.intent === 'grant'
      ? decide({ type: 'GrantConsent', ...target, terms: reading.terms }, initialState)
      : decide({ type: 'RevokeConsent', ...target }, { status: 'active', patientId: reading.patientId })
  if ('rejected' in decision) return 'refused'
  for (const { type, data } of decision.events) EVENT_SCHEMAS[type][1].parse(data)
  return 'stored'
}

it('every valid Consent becomes an event that passes its schema, or is refused', () => {
  const outcomes = new Set<string>()
  fc.assert(
    fc.property(anyConsent, (resource) => {
      fc.pre(validateResource(resource).ok)
      outcomes.add(outcomeOf(resource))
    }),
    { numRuns: 2000 },
  )
  expect([...outcomes].toSorted()).toEqual(['refused', 'stored'])
})
