// IHE PCF's example consents (CC BY 4.0, IHE International) as an oracle: each is enforced as IHE expects or refused.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { evaluate } from '@careseal/consent-policy'
import type { PurposeOfUse } from '@careseal/contracts'
import { createFhir, type JsonObject } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { ruleOf } from '../active-consents/consent-rule.js'
import { readConsent } from './terms.js'

const FOLDER = new URL('../../../../../shared/data/dev/consent-pcf/', import.meta.url)
const { validateResource } = createFhir(loadDefinitions())

/** What IHE expects of an example: the purposes permitted at a time, or the first element that we do not enforce yet. */
const EXPECTED: Record<string, { permits: string[]; at: string } | { refused: string[] }> = {
  'ex-consent-basic-treat': { permits: ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT'], at: '2026-01-01' },
  'ex-consent-basic-treat-infant': { permits: ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT'], at: '2026-01-01' },
  'ex-consent-basic-ink': { permits: ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT'], at: '2026-01-01' },
  'ex-consent-expired-treat': { permits: ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT'], at: '2022-12-31T23:59:59.999Z' },
  'ex-consent-intermediate-purpose': { refused: ['Consent.provision.purpose[0]'] },
  'ex-consent-intermediate-authoredby': { refused: ['Consent.provision.data'] },
  'ex-consent-intermediate-data': { refused: ['Consent.provision.data'] },
  'ex-consent-intermediate-timeframe': { refused: ['Consent.provision.dataPeriod'] },
  'ex-consent-intermediate-not-authoredby': { refused: ['Consent.provision.provision'] },
  'ex-consent-intermediate-not-encounter': { refused: ['Consent.provision.provision'] },
  'ex-consent-advanced-normal': { refused: ['Consent.provision.securityLabel'] },
  'ex-consent-advanced-normal-restricted': { refused: ['Consent.provision.securityLabel'] },
  'ex-consent-advanced-normal-focused-psy': {
    refused: ['Consent.provision.securityLabel', 'Consent.provision.provision'],
  },
  'ex-consent-advanced-normal-break-glass-restricted': {
    refused: ['Consent.provision.securityLabel', 'Consent.provision.provision'],
  },
}

const PURPOSES: PurposeOfUse[] = ['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'PATRQT', 'PUBHLTH', 'HMARKT']

/** The examples' ids were chosen by a client; ours are made by the server. */
function example(name: string): JsonObject {
  const text = readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')
  const ids = ['ex-patient', 'ex-mother', 'ex-practitioner', 'ex-org-researcher', 'ex-organization']
  const replaced = ids.reduce((json, id, at) => json.replaceAll(`/${id}"`, `/${idOf(at + 1)}"`), text)
  return JSON.parse(replaced) as JsonObject
}

function permitted(resource: JsonObject, at: string): string[] {
  const reading = readConsent(resource, 'http://localhost/fhir')
  if (!('intent' in reading) || reading.intent !== 'grant') throw new Error(JSON.stringify(reading))
  const rule = ruleOf({ consentId: idOf(90), versionId: idOf(91), revision: 1 }, reading.terms)
  const request = { practitionerId: idOf(92), organizationId: idOf(93), atMs: Date.parse(at) }
  return PURPOSES.filter((purpose) => evaluate([rule], { ...request, purpose }).decisive?.effect === 'permit')
}

function refusal(resource: JsonObject): string[] {
  const reading = readConsent(resource, 'http://localhost/fhir')
  return 'issues' in reading ? reading.issues.flatMap(({ expression }) => expression ?? []) : []
}

describe.skipIf(!existsSync(FOLDER))('the example consents of IHE PCF', () => {
  it('are all judged here', () => {
    const names = readdirSync(FOLDER).filter((file) => /^ex-.*(?<!\.expected)\.json$/.test(file))
    expect(names.map((file) => file.replace('.json', '')).toSorted()).toEqual(Object.keys(EXPECTED).toSorted())
  })

  it.each(Object.entries(EXPECTED))(
    '%s is enforced as expected, or refused by the name of the element',
    (name, want) => {
      const resource = example(name)
      const found = 'refused' in want ? refusal(resource) : permitted(resource, want.at)
      expect(found).toEqual('refused' in want ? want.refused : want.permits)
    },
  )

  it('the one that has expired permits nothing any more', () => {
    expect(permitted(example('ex-consent-expired-treat'), '2023-01-01T00:00:00Z')).toEqual([])
  })

  it('those that are enforced are valid FHIR', () => {
    const enforced = Object.entries(EXPECTED).filter(([, want]) => 'permits' in want)
    const invalid = enforced.filter(([name]) => !validateResource(example(name)).ok)
    expect(invalid).toEqual([])
  })
})
