import { createFhir } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { describe, expect, it } from 'vitest'
import { patientBundle } from './index.js'

const bundles = Array.from({ length: 12 }, (_, index) => patientBundle({ seed: 'spec', index }))

describe('a synthetic patient', () => {
  it('is the same for the same seed and index, and another for another', () => {
    expect(patientBundle({ seed: 'spec', index: 3 })).toEqual(bundles[3])
    expect(new Set(bundles.map((bundle) => JSON.stringify(bundle))).size).toBe(bundles.length)
    expect(patientBundle({ seed: 'other', index: 3 })).not.toEqual(bundles[3])
  })

  it('is made of valid FHIR R4 only', () => {
    const { validateResource } = createFhir(loadDefinitions())
    const faults = bundles
      .flatMap((bundle) => bundle.entry)
      .map(({ resource }) => validateResource(resource))
      .flatMap((checked) => (checked.ok ? [] : checked.issues))
    expect(faults).toEqual([])
  })

  it('has visits, findings, measurements, medication and vaccinations over years', () => {
    const types = new Map<string, number>()
    for (const { resource } of bundles.flatMap((bundle) => bundle.entry)) {
      types.set(resource.resourceType, (types.get(resource.resourceType) ?? 0) + 1)
    }
    for (const type of ['Condition', 'MedicationRequest', 'Immunization']) expect(types.get(type)).toBeGreaterThan(5)
    expect(types.get('Patient')).toBe(12)
    expect(types.get('Encounter')).toBe(12 * 12)
    expect(types.get('Observation')).toBeGreaterThan(12 * 12 * 7)
  })

  it('refers only to what its own bundle creates', () => {
    for (const bundle of bundles) {
      const created = new Set(bundle.entry.map((entry) => entry.fullUrl))
      const referred = [...JSON.stringify(bundle).matchAll(/"reference":"([^"]+)"/g)].map((match) => match[1] as string)
      expect(referred.filter((reference) => !created.has(reference))).toEqual([])
      expect(created.size).toBe(bundle.entry.length)
    }
  })

  it('bears a name that nobody bears', () => {
    for (const { resource } of bundles.flatMap((bundle) => bundle.entry)) {
      if (resource.resourceType !== 'Patient') continue
      expect(JSON.stringify(resource['name'])).toMatch(/"family":"Probe-[A-Z][a-z]+"/)
    }
  })

  it('lives as long as it is asked to', () => {
    const long = patientBundle({ seed: 'spec', index: 0, years: 20, until: '2020-06-01' })
    const encounters = long.entry.filter(({ resource }) => resource.resourceType === 'Encounter')
    expect(encounters).toHaveLength(60)
    expect(JSON.stringify(encounters.at(-1))).toMatch(/"start":"20(19|20)-/)
  })
})
