import { describe, expect, it } from 'vitest'
import { seededRandom } from '@careseal/synthetic'
import { KnownRecords, withoutBase } from './known.js'

describe('what clients know of records', () => {
  it('is every version that was acknowledged, in its order', () => {
    const records = new KnownRecords()
    for (const version of ['1', '2', '3']) records.learn(`Observation/a/_history/${version}`, { writer: 'lab' })
    expect(records.pick(seededRandom('any'))).toMatchObject({ resource: 'Observation/a', versions: ['1', '2', '3'] })
  })

  it('lets nobody change what is kept or deleted', () => {
    const records = new KnownRecords()
    records.learn('Patient/a/_history/1', { kept: true, writer: 'lab' })
    records.learn('Observation/b/_history/1', { writer: 'lab' })
    const random = seededRandom('any')
    const found = records.pickChangeable(random)
    expect(found).toMatchObject({ resource: 'Observation/b', writer: 'lab' })
    found!.deleted = true
    expect(records.pickChangeable(random)).toBeUndefined()
  })

  it('names a location without the base of its server', () => {
    expect(withoutBase('https://ledger.example/fhir/Consent/a/_history/b')).toBe('Consent/a/_history/b')
    expect(() => withoutBase('https://ledger.example/fhir/Consent/a')).toThrow('no location of a version')
  })
})
