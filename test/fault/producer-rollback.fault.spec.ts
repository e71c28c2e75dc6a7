// A producer's database goes back in time. It answers nothing, and what was revoked stays revoked: after a recovery from
// the broker, after one with nothing left in the broker, and for records whose content is gone (I21).
import { createPeopleLogins, createSystemLogins, type CaresealStack } from '@careseal/stack'
import { patientBundle } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder } from '../support/careseal.js'
import { answerOf, claimsOf, grantOf, type Answer } from '../support/fhir.js'
import { RolledBackProducer } from './surroundings/rolled-back-producer.js'
import { startNativeStack } from './surroundings/native-stack.js'

const folder = temporaryFolder()
let stack: CaresealStack
let consent: RolledBackProducer
let patientId: string
let practitionerId: string
let observation: string

beforeAll(async () => {
  stack = await startNativeStack(folder.path)
  consent = new RolledBackProducer(stack, 'consent')
  await createSystemLogins(stack)
  const locations = await storeBundle()
  const idsOf = (type: string) => locations.filter((one) => one.startsWith(`${type}/`)).map((one) => one.split('/')[1]!)
  const people = {
    patients: idsOf('Patient'),
    practitioners: idsOf('Practitioner'),
    organizations: idsOf('Organization'),
  }
  await createPeopleLogins(stack, people)
  const claims = claimsOf(await stack.tokenFor('clinician'))
  patientId = people.patients[0]!
  practitionerId = claims['practitionerId']!
  observation = idsOf('Observation')[0]!
}, 600_000)
afterAll(async () => {
  await stack?.stop()
  folder.remove()
})

async function storeBundle(): Promise<string[]> {
  const body = patientBundle({ seed: 'rollback', index: 0, years: 1 })
  const { status, body: answer } = await served('hospital', 'POST', '', body)
  expect(status).toBe(200)
  const { entry } = answer as { entry: { response: { location: string } }[] }
  return entry.map(({ response }) => response.location.replace(/^.*\/fhir\//, ''))
}

/** As `as`, again while a service is busy or its breaker open: what is asked here is asked of services that serve. */
async function served(...asked: Parameters<typeof as>): Promise<Answer> {
  for (const end = Date.now() + 60_000; ; await delay(500)) {
    const answer = await as(...asked)
    if (answer.status !== 503 || Date.now() > end) return answer
  }
}

async function as(login: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const token = await stack.tokenFor(login)
  return answerOf(`${stack.origin}/fhir${path && `/${path}`}`, {
    method,
    token,
    ...(body === undefined ? {} : { body }),
  })
}

const read = ['clinician', 'GET'] as const
const clinicianReads = async () => (await served(...read, `Observation/${observation}`)).status
const recovering = (...args: string[]) => careseal(['producer', 'recover', ...args, '--data-dir', folder.path])

async function grant(): Promise<{ id: string; resource: Record<string, unknown> }> {
  const { status, body } = await served(
    'patient-1',
    'POST',
    'Consent',
    grantOf(patientId, { actors: [`Practitioner/${practitionerId}`] }),
  )
  expect(status).toBe(201)
  return { id: body['id'] as string, resource: body }
}

async function revoke({ id, resource }: Awaited<ReturnType<typeof grant>>): Promise<void> {
  expect((await served('patient-1', 'PUT', `Consent/${id}`, { ...resource, status: 'inactive' })).status).toBe(200)
}

describe('a consent database that went back to before a revocation', () => {
  it('makes everything refuse, though the copy holds the grant', async () => {
    const granted = await grant()
    expect(await clinicianReads()).toBe(200)
    await consent.toBefore(async () => {
      await revoke(granted)
      expect(await clinicianReads()).toBe(404)
    })
    expect((await as(...read, `Observation/${observation}`)).status).toBe(503)
    expect((await as('patient-1', 'GET', 'Consent')).status).toBe(503)
  })

  it('is recovered only when told so, and only where it is rolled back', async () => {
    expect(await recovering('consent')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })
    expect(await recovering('records', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not-rolled-back'),
    })
  })

  it('has its revocation in force again after the recovery, and serves under its next name', async () => {
    const report = await consent.recover()
    expect(report).toMatchObject({ incarnation: 'consent-2', lost: [] })
    expect(report.fromBroker).toBeGreaterThan(0)
    expect(await clinicianReads()).toBe(404)
    await grant()
    expect(await clinicianReads()).toBe(200)
    await consent.expectClean()
  })
})

describe('a consent database that went back when the broker had lost its data too', () => {
  it('permits nothing to anybody of whom an event was lost', async () => {
    const granted = await grant()
    await consent.toBefore(() => revoke(granted))
    await stack.nats.wipe()
    const report = await consent.recover()
    expect(report).toMatchObject({ incarnation: 'consent-3', fromBroker: 0, counts: { patientsSuspended: 1 } })
    expect(report.lost.length).toBeGreaterThan(0)
    expect(await clinicianReads()).toBe(404)
    await grant()
    expect(await clinicianReads()).toBe(200)
    await consent.expectClean()
  })
})

describe('a records database that went back to before an update', () => {
  it('says of the lost version that it is gone, and shows no older one in its place', async () => {
    const { body } = await served('patient-1', 'GET', `Observation/${observation}`)
    const records = new RolledBackProducer(stack, 'records')
    const updated = { ...body, note: [{ text: 'changed' }] }
    await records.toBefore(async () => {
      expect((await served('hospital', 'PUT', `Observation/${observation}`, updated)).status).toBe(200)
    })
    const report = await records.recover()
    expect(report).toMatchObject({ incarnation: 'records-2', lost: [], counts: { versionsWithoutContent: 1 } })
    expect((await served('patient-1', 'GET', `Observation/${observation}`)).status).toBe(410)
    const { versionId } = body['meta'] as { versionId: string }
    expect((await served('patient-1', 'GET', `Observation/${observation}/_history/${versionId}`)).status).toBe(200)
    await records.expectClean()
  })
})
