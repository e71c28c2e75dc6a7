// I17: every route that the services describe, asked by everybody about patient-1's objects and about nothing. Whoever
// is not served an object is told the same, status and body, as about an id that does not exist.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  anyId,
  callersOf,
  eventuallyOk,
  grantOf,
  LOGINS,
  newsOf,
  observationOf,
  type Callers,
  type Login,
} from '../support/callers.js'
import { upDetached } from '../support/careseal.js'
import { EXPECTATIONS, type Expectation, type Ids } from '../support/route-expectations.js'

const DOCUMENTS = ['/fhir/openapi.json', '/auth/openapi.json', '/audit/openapi.json', '/ledger/openapi.json']

let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
let own: Ids

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  own = await objectsOfPatient1()
})
afterAll(() => ledger?.down())

async function objectsOfPatient1(): Promise<Ids> {
  const patient = String(callers.claims('patient-1').careseal.patientId)
  const practitioner = String(callers.claims('clinician-2').careseal.practitionerId)
  const { body: consent } = await callers.post('patient-1', '/fhir/Consent', grantOf(patient, practitioner))
  const { body: observation } = await callers.post('hospital', '/fhir/Observation', observationOf(patient))
  const version = String(observation.meta.versionId)
  const path = `/fhir/Observation/${observation.id}/_history/${version}/$receipt`
  await eventuallyOk(() => callers.get('patient-1', path))
  const event = await loggedEvent(patient)
  const consentVersion = String(consent.meta.versionId)
  return { patient, practitioner, observation: observation.id, version, consent: consent.id, consentVersion, event }
}

// A line whose receipt is there: its event is sealed.
async function loggedEvent(patient: string): Promise<string> {
  let line = { eventId: '', receipt: '' }
  const log = `/audit/patients/${patient}/accesses`
  await eventuallyOk(async () => {
    const found = (await callers.get('patient-1', log)).body.accesses as (typeof line)[]
    line = found.find((one) => one.eventId) ?? line
    return callers.get('patient-1', line.receipt || `${log}/none/receipt`)
  })
  return line.eventId
}

const nothing = (): Ids => Object.fromEntries(Object.keys(own).map((name) => [name, anyId()])) as Ids

/** Patient-1's objects; a new record where the request uses it up. */
async function objectsFor({ consumes }: Expectation): Promise<Ids> {
  if (consumes !== true) return own
  const { body } = await callers.post('hospital', '/fhir/Observation', observationOf(own.patient))
  return { ...own, observation: String(body.id), version: String(body.meta.versionId) }
}

async function both(who: string | null, route: string, expectation: Expectation) {
  const method = route.split(' ')[0]!
  const [ids, none] = [await objectsFor(expectation), { ...nothing(), practitioner: own.practitioner }]
  const known = await callers.call(who, { method, ...expectation.ask(ids) })
  return { known, unknown: await callers.call(who, { method, ...expectation.ask(none) }) }
}

async function describedRoutes(): Promise<string[]> {
  const documents = await Promise.all([...DOCUMENTS, '/docs/consent.json'].map((path) => callers.get(null, path)))
  return documents.flatMap(({ body }) =>
    Object.entries(body.paths as Record<string, object>).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  )
}

describe('the access matrix', () => {
  it('has an expectation for every route, and no other', async () => {
    expect((await describedRoutes()).toSorted()).toEqual(Object.keys(EXPECTATIONS).toSorted())
  })

  const routes = Object.entries(EXPECTATIONS)

  it.each(routes.filter(([, { door }]) => door === 'public'))('%s answers everybody alike', async (route, expected) => {
    const method = route.split(' ')[0]!
    const answers = await Promise.all(
      [null, ...LOGINS].map((who) => callers.call(who, { method, ...expected.ask(own) })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([method === 'POST' ? 400 : 200]))
    for (const { text } of answers) expect(text).not.toContain(own.patient)
  })

  it.each(routes.filter(([, { door }]) => door !== 'public'))('%s serves nobody else', async (route, expected) => {
    const { known, unknown } = await both(null, route, expected)
    expect([known.status, newsOf(known)]).toEqual([401, newsOf(unknown)])
    const told = await Promise.all(LOGINS.map((login) => toldTo(login, route, expected)))
    expect(told).toEqual(LOGINS.map((login) => ({ login, is: standingOf(login, expected), faults: [] })))
  })
})

type Standing = 'served' | 'refused' | 'told of nothing' | 'kept out'

function standingOf(login: Login, { door, served, refuses }: Expectation): Standing {
  if (!door.includes(login)) return 'kept out'
  if (!served?.includes(login)) return 'told of nothing'
  return refuses?.includes(login) ? 'refused' : 'served'
}

async function toldTo(login: Login, route: string, expected: Expectation) {
  const answers = await both(login, route, expected)
  const [known, unknown] = [newsOf(answers.known), newsOf(answers.unknown)]
  const isAlike = known.status === unknown.status && known.text === unknown.text
  const faults = [known, unknown].filter(({ status }) => status >= 500 || status === 401)
  return { login, is: observed(known.status, { isAlike, door: expected.door.includes(login) }), faults }
}

function observed(status: number, { isAlike, door }: { isAlike: boolean; door: boolean }): Standing | string {
  if (isAlike) return status === 403 && !door ? 'kept out' : 'told of nothing'
  if (status === 403) return 'refused'
  return status < 300 ? 'served' : `told apart by ${status}`
}
