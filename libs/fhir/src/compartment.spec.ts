import { describe, expect, it } from 'vitest'
import { compartmentPatients, isPatientType, ownerOf, strangersOf } from './compartment.js'
import type { Resource } from './resource.js'

const a = '00000000-0000-4000-8000-00000000000a'
const of = (reference: string) => ({ reference })
const patients = (resource: object) => compartmentPatients(resource as Resource)

describe('the owner of a resource', () => {
  it('is its subject', () => {
    expect(ownerOf({ resourceType: 'Observation', subject: of('Patient/a') })).toEqual({ kind: 'patient', id: 'a' })
  })

  it('is the patient, the practitioner or the organisation itself', () => {
    expect(ownerOf({ resourceType: 'Patient', id: a })).toEqual({ kind: 'patient', id: a })
    expect(ownerOf({ resourceType: 'Practitioner', id: a })).toEqual({ kind: 'practitioner', id: a })
    expect(ownerOf({ resourceType: 'Organization', id: a })).toEqual({ kind: 'organization', id: a })
  })

  it('is the deployment where there is no patient', () => {
    expect(ownerOf({ resourceType: 'Location', id: a })).toEqual({ kind: 'deployment' })
    expect(ownerOf({ resourceType: 'Group', member: [{ entity: of('Device/x') }] })).toEqual({ kind: 'deployment' })
  })

  it('is the first by the compartment parameter when there are several', () => {
    const communication = {
      resourceType: 'Communication',
      recipient: [of('Patient/r'), of('Patient/s')],
      subject: of('Patient/s'),
    }
    expect(patients(communication)).toEqual(['s', 'r'])
  })
})

describe('the patients of a resource', () => {
  it('are found in all members of the compartment', () => {
    expect(patients({ resourceType: 'Appointment', participant: [{ actor: of('Patient/x') }] })).toEqual(['x'])
    expect(patients({ resourceType: 'Patient', id: 'p', link: [{ other: of('Patient/q') }] })).toEqual(['p', 'q'])
  })

  it('are found where R4 leaves a type out of the compartment', () => {
    expect(patients({ resourceType: 'Device', patient: of('Patient/x') })).toEqual(['x'])
    expect(patients({ resourceType: 'Binary', securityContext: of('Patient/x') })).toEqual(['x'])
  })

  it('are those of a document and of contained resources too', () => {
    const inner = { resourceType: 'Observation', subject: of('Patient/x') }
    expect(patients({ resourceType: 'Bundle', entry: [{ resource: inner }] })).toEqual(['x'])
    expect(patients({ resourceType: 'Location', contained: [inner] })).toEqual(['x'])
    expect(
      patients({ resourceType: 'Parameters', parameter: [{ resource: { resourceType: 'Patient', id: a } }] }),
    ).toEqual([a])
  })

  it('are those of resources at every depth', () => {
    const inner = { resourceType: 'Observation', subject: of('Patient/x') }
    const part = [{ part: [{ part: [{ resource: inner }] }] }]
    expect(patients({ resourceType: 'Parameters', parameter: [{ part }] })).toEqual(['x'])
    const parameters = { resourceType: 'Parameters', parameter: [{ part: [{ resource: inner }] }] }
    expect(patients({ resourceType: 'Bundle', entry: [{ resource: parameters }] })).toEqual(['x'])
  })

  it('are local', () => {
    for (const reference of ['https://other.example/Patient/x', '#x', 'urn:uuid:x', 'Practitioner/x']) {
      expect(patients({ resourceType: 'Observation', subject: of(reference) })).toEqual([])
    }
    expect(patients({ resourceType: 'Observation', subject: of('Patient/x/_history/2') })).toEqual(['x'])
  })

  it('tell the types that are searched by patient', () => {
    expect(isPatientType('Observation')).toBe(true)
    expect(isPatientType('Patient')).toBe(true)
    expect(isPatientType('Organization')).toBe(false)
  })
})

const observedBy = (performer: object) => ({ resourceType: 'Observation', performer: [performer] }) as Resource

describe('a resource that names no patient of this server', () => {
  it.each([
    ['a name', { display: 'somebody' }],
    ['an identifier', { identifier: { system: 'urn:x', value: '1' } }],
    ['another server', of(`http://elsewhere.example/fhir/Patient/${a}`)],
    ['a search', of('Patient?identifier=urn:x|1')],
    ['a contained patient', of('#p')],
    ['a path of its own making', of(`./Patient/${a}`)],
    ['a fragment', of(`Patient/${a}#x`)],
  ])('has a stranger where its subject is %s', (_kind, subject) => {
    expect(strangersOf({ resourceType: 'Observation', subject })).toEqual(['subject'])
  })

  it('has one where a performer means a patient, not where it means somebody else', () => {
    expect(strangersOf(observedBy(of(`https://elsewhere.example/Patient/${a}`)))).toEqual(['performer'])
    expect(strangersOf(observedBy({ type: 'Patient', display: 'somebody' }))).toEqual(['performer'])
    expect(strangersOf(observedBy({ display: 'a laboratory' }))).toEqual([])
  })

  it('has none where it points at a device, at nobody, or at a patient besides', () => {
    const resourceType = 'Observation'
    expect(strangersOf({ resourceType, subject: of('Device/d') })).toEqual([])
    expect(strangersOf({ resourceType })).toEqual([])
    expect(strangersOf({ resourceType, subject: of('Patient/p'), performer: [of('#p')] })).toEqual([])
  })
})
