// A producer's database goes back in time. It answers nothing, and what was revoked stays revoked: after a recovery from
// the broker, after one with nothing left in the broker, and for records whose content is gone (I21).
import {
  createCaresealStack,
  createPeopleLogins,
  createSystemLogins,
  PACKED,
  type CaresealStack,
} from '@careseal/stack'
import { renderAuthorization } from '@careseal/messaging'
import { patientBundle } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder } from '../support/careseal.js'
import { answerOf, claimsOf, grantOf, type Answer } from '../support/fhir.js'
import { SchemaCopy, withRoleLockedOut } from './surroundings/schema-copy.js'

type OldCopy = { restore(): Promise<void> }

type Report = {
  incarnation: string
  missing: number
  fromBroker: number
  lost: { producer: string; seq: number }[]
  counts: Record<string, number>
}

const folder = temporaryFolder()
let stack: CaresealStack
let patientId: string
let practitionerId: string
let observation: string

beforeAll(async () => {
  stack = await createCaresealStack({
    dataDir: folder.path,
    parts: 'native',
    programs: PACKED,
    natsAuthorization: (users, options) => renderAuthorization([...users], options),
  })
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

/** Tables and keys of a service as they stand, to be put back beneath it as a restored backup would be. */
async function copyOf(service: 'consent' | 'records'): Promise<OldCopy> {
  const { postgres } = stack.state()
  const copies = [await SchemaCopy.take(postgres, service), await SchemaCopy.take(postgres, `${service}_keys`)]
  const putBack = async () => {
    for (const copy of copies) await copy.restore()
  }
  return { restore: () => withRoleLockedOut(postgres, service, putBack) }
}

async function sealed(service: string): Promise<void> {
  await expect.poll(() => isSealed(service), { timeout: 60_000 }).toBe(true)
}

/** Whether the ledger has sealed and published, and the producer read, all that the service has committed. */
async function isSealed(service: string): Promise<boolean> {
  const client = new Client({ connectionString: stack.state().postgres })
  await client.connect()
  try {
    const { rows } = await client.query<{ sealed: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM ${service}.outbox) AND NOT EXISTS (
         SELECT FROM ${service}.relay_head h WHERE h.last_seq >
           (SELECT coalesce(max(from_seq + count - 1), 0) FROM ${service}.sealed s WHERE s.producer = h.producer)) AS sealed`,
    )
    return rows[0]!.sealed
  } finally {
    await client.end()
  }
}

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

async function rolledBack(service: string): Promise<void> {
  const state = async () => {
    const response = await fetch(`${stack.services[service as 'consent'].url}/readyz`)
    return `${response.status} ${await response.text()}`
  }
  await expect.poll(state, { timeout: 30_000 }).toMatch(/503.*producer/)
}

async function recover(service: string): Promise<Report> {
  const ended = await recovering(service, '--yes', '--json')
  expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
  await stack.untilReady()
  return JSON.parse(ended.stdout) as Report
}

async function expectClean(): Promise<void> {
  for (const command of ['verify', 'fsck']) {
    const ended = await careseal([command, '--data-dir', folder.path])
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
  }
}

describe('a consent database that went back to before a revocation', () => {
  let old: OldCopy

  it('makes everything refuse, though the copy holds the grant', async () => {
    const granted = await grant()
    expect(await clinicianReads()).toBe(200)
    await sealed('consent')
    old = await copyOf('consent')
    await revoke(granted)
    expect(await clinicianReads()).toBe(404)
    await sealed('consent')
    await old.restore()
    await rolledBack('consent')
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
    const report = await recover('consent')
    expect(report).toMatchObject({ incarnation: 'consent-2', lost: [] })
    expect(report.fromBroker).toBeGreaterThan(0)
    expect(await clinicianReads()).toBe(404)
    await grant()
    expect(await clinicianReads()).toBe(200)
    await sealed('consent')
    await expectClean()
  })
})

describe('a consent database that went back when the broker had lost its data too', () => {
  it('permits nothing to anybody of whom an event was lost', async () => {
    const granted = await grant()
    await sealed('consent')
    const old = await copyOf('consent')
    await revoke(granted)
    await sealed('consent')
    await old.restore()
    await rolledBack('consent')
    await stack.nats.wipe()
    const report = await recover('consent')
    expect(report).toMatchObject({ incarnation: 'consent-3', fromBroker: 0, counts: { patientsSuspended: 1 } })
    expect(report.lost.length).toBeGreaterThan(0)
    expect(await clinicianReads()).toBe(404)
    await grant()
    expect(await clinicianReads()).toBe(200)
    await sealed('consent')
    await expectClean()
  })
})

describe('a records database that went back to before an update', () => {
  it('says of the lost version that it is gone, and shows no older one in its place', async () => {
    const { body } = await served('patient-1', 'GET', `Observation/${observation}`)
    await sealed('records')
    const old = await copyOf('records')
    const updated = { ...body, note: [{ text: 'changed' }] }
    expect((await served('hospital', 'PUT', `Observation/${observation}`, updated)).status).toBe(200)
    await sealed('records')
    await old.restore()
    await rolledBack('records')
    const report = await recover('records')
    expect(report).toMatchObject({ incarnation: 'records-2', lost: [], counts: { versionsWithoutContent: 1 } })
    expect((await served('patient-1', 'GET', `Observation/${observation}`)).status).toBe(410)
    const { versionId } = body['meta'] as { versionId: string }
    expect((await served('patient-1', 'GET', `Observation/${observation}/_history/${versionId}`)).status).toBe(200)
    await sealed('records')
    await expectClean()
  })
})
