// A made-up patient's years as one FHIR transaction. The same seed and index give the same bytes, on every machine.
import { courseOf, type Visit } from './course.js'
import { syntheticName, syntheticPlace } from './names.js'
import { seededRandom } from './random.js'
import {
  conditionOf,
  encounterOf,
  immunizationOf,
  medicationRequestOf,
  observationsOf,
  organizationOf,
  patientOf,
  practitionerOf,
  type Links,
  type SyntheticResource,
} from './resources.js'

/** A FHIR R4 `transaction` Bundle that creates everything in it. */
export type TransactionBundle = {
  resourceType: 'Bundle'
  type: 'transaction'
  entry: { fullUrl: string; resource: SyntheticResource; request: { method: 'POST'; url: string } }[]
}

export type PatientBundleOptions = {
  /** Patients of one seed share nothing but the seed; another seed gives other people. */
  seed: string | number
  /** Which patient of the seed, from 0; any number. */
  index: number
  /** The day on which the course ends, `YYYY-MM-DD`. Default 2026-01-01: there is no clock here. */
  until?: string
  /** How many years it covers. Default 4, about a hundred resources. */
  years?: number
}

/** One patient with an organisation, a practitioner, encounters and all that was found, measured and given at them. */
export function patientBundle(options: PatientBundleOptions): TransactionBundle {
  const { seed, index, until = '2026-01-01', years = 4 } = options
  const random = seededRandom(`${seed}/${index}`)
  const { person, visits } = courseOf(random, { endMs: Date.parse(`${until}T00:00:00Z`), years })
  const entry: TransactionBundle['entry'] = []
  const add = (resource: SyntheticResource) => {
    const fullUrl = `urn:uuid:${random.uuid()}`
    const request = { method: 'POST', url: resource.resourceType } as const
    entry.push({ fullUrl, resource, request })
    return fullUrl
  }
  const identifier = `${seed}-${index}`
  const organization = add(organizationOf(syntheticPlace(random), identifier))
  const practitioner = add(practitionerOf(syntheticName(random), identifier))
  const patient = add(patientOf(person, identifier, organization))
  for (const visit of visits) {
    const encounter = add(encounterOf(visit, { patient, practitioner, organization, encounter: '' }))
    const links = { patient, practitioner, organization, encounter }
    for (const resource of resourcesOfVisit(visit, links)) add(resource)
    for (const resource of observationsOf(random, person, visit, links)) add(resource)
  }
  return { resourceType: 'Bundle', type: 'transaction', entry }
}

function resourcesOfVisit(visit: Visit, links: Links): SyntheticResource[] {
  return [
    ...visit.found.map((found) => conditionOf(found, visit, links)),
    ...visit.found.map((found) => medicationRequestOf(found, visit, links)),
    ...visit.vaccines.map((vaccine) => immunizationOf(vaccine, visit, links)),
  ]
}
