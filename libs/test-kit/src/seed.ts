// Made-up patients as a hospital's system would bring them in: over HTTP, with events on the ledger. What was made is
// written down in the data folder, so that a copy of it knows its patients.
import { createPeopleLogins, createSystemLogins, demoPeopleAt, type CaresealStack, type DataDir } from '@careseal/stack'
import { patientBundle } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import type { Plan } from './options.js'
import { haveLogins } from './services.js'
import type { SeededPatient } from './test-stack.js'

const FILE = 'patients.json'
const SEED = 'careseal-test-kit'
const READABLE_DEADLINE_MS = 60_000
const REQUEST_DEADLINE_MS = 60_000

/** Registers the logins if there can be any, and imports the patients. Resolves when each patient can read itself. */
export async function seed(stack: CaresealStack, { services, patients: count }: Plan): Promise<void> {
  if (haveLogins(services)) await createSystemLogins(stack)
  if (count === 0) return
  const token = await stack.tokenFor('hospital')
  const locations: string[] = []
  // One by one, so that the same seed gives the same order of events.
  for (let index = 0; index < count; index++) locations.push(...(await importPatient(stack.origin, token, index)))
  const people = demoPeopleAt(locations)
  await createPeopleLogins(stack, people, { patientLoginsMax: count })
  const patients = people.patients.map((id, place) => ({ id, login: `patient-${place + 1}` }))
  await Promise.all(patients.map((patient) => untilReadable(stack, patient)))
  stack.dataDir.writeJson(FILE, patients)
}

/** The patients that this data folder holds. */
export function patientsOf(dataDir: DataDir): SeededPatient[] {
  return dataDir.readJson<SeededPatient[]>(FILE) ?? []
}

type Stored = { entry?: { response?: { location?: string } }[] }

async function importPatient(origin: string, token: string, index: number): Promise<string[]> {
  const response = await fetch(`${origin}/fhir`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      prefer: 'return=minimal',
      'idempotency-key': `${SEED}-${index}`,
    },
    body: JSON.stringify(patientBundle({ seed: SEED, index })),
    signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`made-up patient ${index + 1} is refused: ${response.status} ${text.slice(0, 500)}`)
  return ((JSON.parse(text) as Stored).entry ?? []).flatMap((entry) => entry.response?.location ?? [])
}

// The account reaches records as an event, and an answer needs a decision that the ledger has sealed.
async function untilReadable(stack: CaresealStack, { id, login }: SeededPatient): Promise<void> {
  const headers = { authorization: `Bearer ${await stack.tokenFor(login)}` }
  const deadline = performance.now() + READABLE_DEADLINE_MS
  for (;;) {
    const signal = AbortSignal.timeout(REQUEST_DEADLINE_MS)
    const response = await fetch(`${stack.origin}/fhir/Patient/${id}`, { headers, signal })
    const text = await response.text()
    if (response.ok) return
    if (performance.now() > deadline)
      throw new Error(`${login} cannot be read: ${response.status} ${text.slice(0, 500)}`)
    await delay(50)
  }
}
