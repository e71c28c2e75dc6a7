import type { JsonObject } from '@careseal/fhir'
import { idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { consentResource, recipient } from './consent.builder.js'
import { readConsent } from './terms.js'

const BASE = 'http://localhost:8080/fhir'
const read = (resource: JsonObject) => readConsent(resource, BASE)

function refused(resource: JsonObject): string[] {
  const reading = read(resource)
  return 'issues' in reading ? reading.issues.flatMap(({ expression }) => expression ?? []) : []
}

function withProvision(change: JsonObject): JsonObject {
  const resource = consentResource(idOf(1))
  return { ...resource, provision: { ...(resource.provision as JsonObject), ...change } }
}

describe('a consent that is enforced', () => {
  it('says who may see, for what, and until when', () => {
    const absolute = { ...recipient('Organization', ''), reference: { reference: `${BASE}/Organization/${idOf(3)}` } }
    const resource = withProvision({
      type: 'deny',
      actor: [recipient('Practitioner', idOf(2)), absolute, recipient('Practitioner', idOf(2))],
      period: { start: '2026-01-31', end: '2026-02' },
    })
    expect(read(resource)).toEqual({
      intent: 'grant',
      patientId: idOf(1),
      terms: {
        effect: 'deny',
        grantees: [
          { kind: 'practitioner', id: idOf(2) },
          { kind: 'organization', id: idOf(3) },
        ],
        purposes: ['TREAT'],
        periodStart: '2026-01-31T00:00:00.000Z',
        periodEnd: '2026-03-01T00:00:00.000Z',
      },
    })
  })

  it.each([
    ['OPTIN', 'permit'],
    ['OPTOUT', 'deny'],
  ])('without a type follows the policy rule %s', (code, effect) => {
    const { type: _type, ...provision } = consentResource(idOf(1)).provision as JsonObject
    const policyRule = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code }] }
    expect(read({ ...consentResource(idOf(1)), policyRule, provision })).toMatchObject({ terms: { effect } })
  })

  it.each<[JsonObject, object]>([
    [{ end: '9999-12-31' }, {}],
    [{ end: '9999' }, {}],
    [{ end: '9999-12-31T23:59:59-12:00' }, {}],
    [{ end: '9999-12-30' }, { periodEnd: '9999-12-31T00:00:00.000Z' }],
    [{ start: '0001-01-01', end: '9999-12-31' }, { periodStart: '0001-01-01T00:00:00.000Z' }],
    [{ start: '0000-01-01T00:00:00+14:00' }, {}],
  ])('of the period %j has a bound only where an instant can name it', (period, bounds) => {
    const { terms } = read(withProvision({ period })) as { terms: object }
    expect(terms).toEqual({ effect: 'permit', grantees: [], purposes: ['TREAT'], ...bounds })
  })

  it.each(['inactive', 'entered-in-error'])('is revoked by the status %s, whatever else it says', (status) => {
    const resource = { ...withProvision({ securityLabel: [{ code: 'R' }] }), status }
    expect(read(resource)).toEqual({ intent: 'revoke', patientId: idOf(1) })
  })
})

const coding = [{ system: 'http://example.org', code: 'x' }]

describe('a consent that says more than is enforced', () => {
  it.each<[string, JsonObject]>([
    ['class', { class: coding }],
    ['code', { code: [{ coding }] }],
    ['securityLabel', { securityLabel: coding }],
    ['data', { data: [{ meaning: 'instance', reference: { reference: `Observation/${idOf(9)}` } }] }],
    ['dataPeriod', { dataPeriod: { start: '2020' } }],
    ['provision', { provision: [{ type: 'deny' }] }],
    ['modifierExtension', { modifierExtension: [{ url: 'http://example.org', valueBoolean: true }] }],
    ['_type', { _type: { id: 'x' } }],
    ['action[0]', { action: [{ coding: [{ ...coding[0], code: 'disclose' }] }] }],
    ['purpose[0]', { purpose: coding }],
    ['purpose[0]', { purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'BTG' }] }],
    ['actor[0].role', { actor: [{ role: { coding }, reference: { reference: `Practitioner/${idOf(2)}` } }] }],
  ])('is refused by the name of the element: %s', (element, change) => {
    expect(refused(withProvision(change))).toEqual([`Consent.provision.${element}`])
  })

  it.each<[string, JsonObject]>([
    ['start', { start: '9999-12-31T23:59:59-12:00' }],
    ['end', { end: '0000-01-01T00:00:00+14:00' }],
  ])('is refused by the name of the bound that no instant can name: %s', (bound, period) => {
    expect(refused(withProvision({ period }))).toEqual([`Consent.provision.period.${bound}`])
  })

  it.each([
    `Group/${idOf(2)}`,
    `http://elsewhere.example/fhir/Practitioner/${idOf(2)}`,
    'Practitioner/chosen-by-client',
    'Practitioner/11111111-1111-1111-1111-111111111111',
    `Practitioner/${idOf(2).replace(/0/g, 'A')}`,
    '#contained',
    `Practitioner/${idOf(2)}/_history/${idOf(3)}`,
  ])('is refused when it names the actor %s', (reference) => {
    expect(refused(withProvision({ actor: [{ ...recipient('Practitioner', ''), reference: { reference } }] }))).toEqual(
      ['Consent.provision.actor[0].reference'],
    )
  })

  it.each<[string, JsonObject]>([
    ['Consent.status', { status: 'draft' }],
    ['Consent.scope', { scope: { coding } }],
    ['Consent.modifierExtension', { modifierExtension: [{ url: 'http://example.org', valueBoolean: true }] }],
    ['Consent.implicitRules', { implicitRules: 'http://example.org' }],
    ['Consent.verification[0].verified', { verification: [{ verified: false }] }],
    ['Consent.patient', { patient: { reference: 'Patient/chosen-by-client' } }],
    [
      'Consent.provision.type',
      { policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTOUT' }] } },
    ],
  ])('is refused by the name of the element: %s', (element, change) => {
    expect(refused({ ...consentResource(idOf(1)), ...change })).toEqual([element])
  })

  it.each(['category', 'dateTime', 'policy'])('is refused without %s', (name) => {
    const { [name]: _gone, ...resource } = consentResource(idOf(1))
    expect(refused(resource as JsonObject)).toEqual([`Consent.${name}`])
  })

  it('is refused without a provision, which alone says what is permitted', () => {
    const { provision: _gone, ...resource } = consentResource(idOf(1))
    expect(refused(resource as JsonObject)).toContain('Consent.provision')
  })
})
