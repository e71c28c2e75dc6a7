import { idOf } from '@careseal/testing'
import { describe, expect, it } from 'vitest'
import { parseAuditSearch } from './audit-search.js'

const BASE = 'http://localhost/fhir'
const patient = `Patient/${idOf(1)}`

describe('a search for AuditEvents', () => {
  it.each([idOf(1), patient, `${BASE}/${patient}`])('is about the patient %s', (value) => {
    expect(parseAuditSearch({ patient: value }, BASE)).toMatchObject({ patientId: idOf(1), page: { limit: 50 } })
  })

  it('is about the same patient in either spelling of the id', () => {
    const id = 'abcdef00-0000-4000-8000-000000000001'
    expect(parseAuditSearch({ patient: `Patient/${id.toUpperCase()}` }, BASE).patientId).toBe(id)
  })

  it('narrows the time by every date', () => {
    const { page } = parseAuditSearch({ patient, date: ['ge2026-01', 'lt2026-03-01'] }, BASE)
    expect(page).toMatchObject({ since: new Date('2026-01-01'), until: new Date('2026-03-01') })
    expect(parseAuditSearch({ patient, date: '2026-01-31' }, BASE).page).toMatchObject({
      since: new Date('2026-01-31'),
      until: new Date('2026-02-01'),
    })
  })

  it('gives nothing for a patient who is none of ours', () => {
    expect(parseAuditSearch({ patient: 'Patient/x' }, BASE).patientId).toBeNull()
  })

  it.each([
    [{}, 'patient'],
    [{ patient, date: 'ne2026' }, 'date'],
    [{ patient, date: 'yesterday' }, 'date'],
    [{ patient, _count: '0' }, '_count'],
    [{ patient, agent: 'x' }, 'agent'],
    [{ patient: [patient, patient] }, 'patient'],
    [{ patient, _cursor: 'abc' }, 'cursor'],
  ])('refuses %j by the name of the parameter', (parameters, name) => {
    expect(() => parseAuditSearch(parameters, BASE)).toThrow(name)
  })
})
