// The pieces of a course as FHIR R4 resources. References are `urn:uuid:`, as in every transaction of new resources.
import {
  BLOOD_COUNT,
  BLOOD_PRESSURE,
  BODY_MASS_INDEX,
  DIASTOLIC,
  HEIGHT,
  SYSTOLIC,
  VISITS,
  VITAL_SIGNS,
  WEIGHT,
  type Coding,
  type Measure,
} from './codes.js'
import type { Person, Visit } from './course.js'
import type { SeededRandom } from './random.js'

type Json = string | number | boolean | Json[] | { [member: string]: Json }

/** A FHIR resource as JSON; that it is a valid one is tested with `@careseal/fhir`. */
export type SyntheticResource = { resourceType: string; [member: string]: Json }

/** Whom and where a clinical resource is about, as `urn:uuid:` references. */
export type Links = { patient: string; practitioner: string; organization: string; encounter: string }

const HL7 = 'http://terminology.hl7.org/CodeSystem'
const UCUM = 'http://unitsofmeasure.org'
/** The identifier system that marks every generated directory entry and patient as made up. */
export const SYNTHETIC_SYSTEM = 'urn:careseal:synthetic'

const concept = (one: Coding) => ({ coding: [{ ...one }], text: one.display })
const code = (system: string, value: string) => ({ coding: [{ system: `${HL7}/${system}`, code: value }] })
const ref = (reference: string) => ({ reference })
const instant = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z')

export function patientOf(person: Person, identifier: string, organization: string): SyntheticResource {
  return {
    resourceType: 'Patient',
    identifier: [{ system: SYNTHETIC_SYSTEM, value: identifier }],
    active: true,
    name: [{ use: 'official', family: person.family, given: [person.given] }],
    gender: person.gender,
    birthDate: person.birthDate,
    address: [{ city: person.city, country: 'XX' }],
    managingOrganization: ref(organization),
  }
}

export function organizationOf(name: string, identifier: string): SyntheticResource {
  return {
    resourceType: 'Organization',
    identifier: [{ system: SYNTHETIC_SYSTEM, value: identifier }],
    active: true,
    type: [code('organization-type', 'prov')],
    name: `Sample Clinic ${name}`,
  }
}

export function practitionerOf(name: { given: string; family: string }, identifier: string): SyntheticResource {
  return {
    resourceType: 'Practitioner',
    identifier: [{ system: SYNTHETIC_SYSTEM, value: identifier }],
    active: true,
    name: [{ family: name.family, given: [name.given], prefix: ['Dr.'] }],
  }
}

export function encounterOf(visit: Visit, links: Links): SyntheticResource {
  return {
    resourceType: 'Encounter',
    status: 'finished',
    class: { system: `${HL7}/v3-ActCode`, code: 'AMB', display: 'ambulatory' },
    type: [concept(VISITS[visit.kind])],
    subject: ref(links.patient),
    participant: [{ individual: ref(links.practitioner) }],
    period: { start: instant(visit.startMs), end: instant(visit.startMs + visit.minutes * 60_000) },
    serviceProvider: ref(links.organization),
  }
}

export function conditionOf(found: Visit['found'][number], visit: Visit, links: Links): SyntheticResource {
  const weekLater = instant(visit.startMs + 9 * 24 * 3600 * 1000)
  return {
    resourceType: 'Condition',
    clinicalStatus: code('condition-clinical', found.chronic ? 'active' : 'resolved'),
    verificationStatus: code('condition-ver-status', 'confirmed'),
    category: [code('condition-category', 'encounter-diagnosis')],
    code: concept(found.coding),
    subject: ref(links.patient),
    encounter: ref(links.encounter),
    onsetDateTime: instant(visit.startMs),
    ...(found.chronic ? {} : { abatementDateTime: weekLater }),
    recordedDate: instant(visit.startMs),
  }
}

export function medicationRequestOf(found: Visit['found'][number], visit: Visit, links: Links): SyntheticResource {
  return {
    resourceType: 'MedicationRequest',
    status: found.chronic ? 'active' : 'completed',
    intent: 'order',
    medicationCodeableConcept: concept(found.medication),
    subject: ref(links.patient),
    encounter: ref(links.encounter),
    authoredOn: instant(visit.startMs),
    requester: ref(links.practitioner),
    dosageInstruction: [{ sequence: 1, text: found.chronic ? 'Once a day' : 'As needed, for at most a week' }],
  }
}

export function immunizationOf(vaccine: Coding, visit: Visit, links: Links): SyntheticResource {
  return {
    resourceType: 'Immunization',
    status: 'completed',
    vaccineCode: concept(vaccine),
    patient: ref(links.patient),
    encounter: ref(links.encounter),
    occurrenceDateTime: instant(visit.startMs),
    primarySource: true,
  }
}

/** All that is measured at a visit. */
export function observationsOf(random: SeededRandom, person: Person, visit: Visit, links: Links): SyntheticResource[] {
  const build = (category: string, content: SyntheticResource) => observation(category, content, { visit, links })
  const labs = [...(visit.withBloodCount ? BLOOD_COUNT : []), ...visit.known.flatMap((one) => one.labs)]
  return [
    ...bodyMeasures(random, person).map((one) => build('vital-signs', one)),
    build('vital-signs', bloodPressure(random, visit)),
    ...VITAL_SIGNS.map((one) => build('vital-signs', measured(random, one))),
    ...labs.map((one) => build('laboratory', measured(random, one))),
  ]
}

function observation(
  category: string,
  content: SyntheticResource,
  { visit, links }: { visit: Visit; links: Links },
): SyntheticResource {
  return {
    ...content,
    status: 'final',
    category: [code('observation-category', category)],
    subject: ref(links.patient),
    encounter: ref(links.encounter),
    effectiveDateTime: instant(visit.startMs),
    issued: instant(visit.startMs + visit.minutes * 60_000),
  }
}

function measured(random: SeededRandom, one: Measure): SyntheticResource {
  const value = random.decimal(one.low, one.high, one.digits)
  return { resourceType: 'Observation', code: concept(one.coding), valueQuantity: quantity(value, one.unit) }
}

function bloodPressure(random: SeededRandom, visit: Visit): SyntheticResource {
  const raised = visit.known.some((one) => one.coding.code === '38341003') ? 18 : 0
  const component = [SYSTOLIC, DIASTOLIC].map((one) => {
    const value = random.integer(one.low, one.high) + raised
    return { code: concept(one.coding), valueQuantity: quantity(value, one.unit) }
  })
  return { resourceType: 'Observation', code: concept(BLOOD_PRESSURE), component }
}

function bodyMeasures(random: SeededRandom, person: Person): SyntheticResource[] {
  const weight = Math.max(4, person.weightKg + random.integer(-2, 2))
  const index = Number((weight / (person.heightCm / 100) ** 2).toFixed(1))
  const rows: [Coding, number, string][] = [
    [HEIGHT, person.heightCm, 'cm'],
    [WEIGHT, weight, 'kg'],
    [BODY_MASS_INDEX, index, 'kg/m2'],
  ]
  return rows.map(([coding, value, unit]) => ({
    resourceType: 'Observation',
    code: concept(coding),
    valueQuantity: quantity(value, unit),
  }))
}

function quantity(value: number, unit: string) {
  return { value, unit, system: UCUM, code: unit }
}
