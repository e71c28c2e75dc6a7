// What clients do all day: page to the end while others write, grant and take back in every way, count the accesses,
// keep receipts of one field.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'fhir-kit-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, caresealOk, temporaryFolder, tokenOf, upDetached } from '../support/careseal.js'
import { answerOf, claimsOf, grantOf, type Answer } from '../support/fhir.js'

type Page = {
  resourceType: 'Bundle'
  link?: { relation: string; url: string }[]
  entry?: { resource: { id: string } }[]
}

const folder = temporaryFolder()
const tokens = new Map<string, string>()
let ledger: Awaited<ReturnType<typeof upDetached>>
let patientId: string
let doctor: { practitionerId: string; organizationId: string }

beforeAll(async () => {
  ledger = await upDetached()
  for (const login of ['hospital', 'patient-1', 'patient-2', 'clinician', 'clinician-2', 'auditor'])
    tokens.set(login, await tokenOf(ledger.dataDir, login))
  patientId = claimsOf(tokens.get('patient-1')!)['patientId']!
  doctor = claimsOf(tokens.get('clinician')!) as typeof doctor
})
afterAll(async () => {
  await ledger?.down()
  folder.remove()
})

function ask(login: string, method: string, path: string, sent: { body?: unknown; headers?: object } = {}) {
  return answerOf(`${ledger.origin}${path}`, { method, token: tokens.get(login)!, ...sent })
}

const observation = (value: number) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'urn:test', code: 'page' }] },
  subject: { reference: `Patient/${patientId}` },
  valueInteger: value,
})

async function store(count: number): Promise<string[]> {
  const entry = Array.from({ length: count }, (_, place) => ({
    resource: observation(place),
    request: { method: 'POST', url: 'Observation' },
  }))
  const { status, body } = await ask('hospital', 'POST', '/fhir', {
    body: { resourceType: 'Bundle', type: 'transaction', entry },
  })
  expect(status).toBe(200)
  const { entry: answers } = body as { entry: { response: { location: string } }[] }
  return answers.map(({ response }) => response.location.split('/')[1]!)
}

async function allPages(count: number): Promise<string[]> {
  const client = new Client({ baseUrl: `${ledger.origin}/fhir`, bearerToken: tokens.get('patient-1')! })
  const searchParams = { patient: patientId, code: 'urn:test|page', _count: count }
  let page = (await client.search({ resourceType: 'Observation', searchParams })) as unknown as Page | undefined
  const found: string[] = []
  while (page) {
    found.push(...(page.entry ?? []).map(({ resource }) => resource.id))
    page = (await client.nextPage({ bundle: page as never })) as unknown as Page | undefined
  }
  return found
}

describe('paging to the end', () => {
  it('misses nothing and repeats nothing while others write', async () => {
    const stored = await store(90)
    const done = new AbortController()
    const writing = (async () => {
      for (let turn = 0; !done.signal.aborted; turn++) {
        await store(2)
        const id = stored[turn % stored.length]!
        const { status } = await ask('hospital', 'PUT', `/fhir/Observation/${id}`, {
          body: { ...observation(turn), id },
        })
        expect(status).toBe(200)
      }
    })()
    for (const count of [7, 50]) {
      const found = await allPages(count)
      expect(new Set(found).size).toBe(found.length)
      expect(stored.filter((id) => !found.includes(id))).toEqual([])
    }
    done.abort()
    await writing
  })
})

async function grant(provision: object): Promise<Answer> {
  const answer = await ask('patient-1', 'POST', '/fhir/Consent', { body: grantOf(patientId, provision) })
  expect(answer.status).toBe(201)
  return answer
}

async function revoke({ body }: Answer): Promise<number> {
  const path = `/fhir/Consent/${body['id'] as string}`
  return (await ask('patient-1', 'PUT', path, { body: { ...body, status: 'inactive' } })).status
}

describe('a consent', () => {
  let observationId: string
  const read = async (login = 'clinician', purpose = 'TREAT') =>
    (await ask(login, 'GET', `/fhir/Observation/${observationId}`, { headers: { 'x-purpose-of-use': purpose } })).status
  beforeAll(async () => {
    observationId = (await store(1))[0]!
  })

  it('for an organisation lets its practitioners read, and a denial for one of them goes before', async () => {
    const house = await grant({ actors: [`Organization/${doctor.organizationId}`] })
    expect([await read(), await read('clinician-2')]).toEqual([200, 404])
    const denial = await grant({ type: 'deny', actors: [`Practitioner/${doctor.practitionerId}`] })
    expect(await read()).toBe(404)
    expect([await revoke(denial), await read()]).toEqual([200, 200])
    expect([await revoke(house), await read()]).toEqual([200, 404])
  })

  it('counts in its period and for its purposes alone', async () => {
    const actors = [`Practitioner/${doctor.practitionerId}`]
    await grant({ actors, period: { start: '2090-01-01' } })
    await grant({ actors, period: { end: '2020-01-01' } })
    expect(await read()).toBe(404)
    const research = await grant({ actors, purposes: ['HRESCH'] })
    expect([await read('clinician', 'HRESCH'), await read()]).toEqual([200, 404])
    const { id } = research.body as { id: string }
    const replaced = await ask('patient-1', 'PUT', `/fhir/Consent/${id}`, {
      body: { ...grantOf(patientId, { actors }), id },
    })
    expect([replaced.status, await read('clinician', 'HRESCH'), await read()]).toEqual([200, 404, 200])
    const deleted = await ask('patient-1', 'DELETE', `/fhir/Consent/${id}`)
    expect([deleted.status, JSON.stringify(deleted.body)]).toEqual([405, expect.stringContaining('inactive')])
    expect([await revoke(replaced), await read()]).toEqual([200, 404])
  })

  it('is given by its patient alone', async () => {
    for (const login of ['patient-2', 'clinician', 'hospital'])
      expect((await ask(login, 'POST', '/fhir/Consent', { body: grantOf(patientId, {}) })).status).toBe(403)
  })

  it('leaves each access in the log exactly once', async () => {
    const before = new Set((await accesses()).map(({ eventId }) => eventId))
    const given = await grant({ actors: [`Practitioner/${doctor.practitionerId}`] })
    for (const login of ['clinician', 'clinician', 'clinician', 'clinician-2', 'clinician-2']) await read(login)
    await ask('clinician', 'GET', `/fhir/Observation/${observationId}/_history`)
    await revoke(given)
    const fresh = async () => {
      const made = (await accesses()).filter(({ eventId, event }) => !before.has(eventId) && event !== 'AccessLogRead')
      expect(new Set(made.map(({ eventId }) => eventId)).size).toBe(made.length)
      return Object.entries(Object.groupBy(made, ({ event }) => event)).map(([event, of]) => `${event} ${of!.length}`)
    }
    const expected = ['AccessDenied 2', 'AccessPermitted 4', 'ConsentGranted 1', 'ConsentRevoked 1', 'RecordRead 4']
    await expect.poll(async () => (await fresh()).toSorted(), { timeout: 15_000, interval: 500 }).toEqual(expected)
  })
})

type Access = { eventId: string; event: string }

async function accesses(): Promise<Access[]> {
  const all: Access[] = []
  for (let path: string | undefined = `/audit/patients/${patientId}/accesses?count=100`; path !== undefined;) {
    const { status, body, headers } = await ask('patient-1', 'GET', path)
    expect(status).toBe(200)
    all.push(...(body['accesses'] as Access[]))
    path = /<([^>]+)>; rel="?next/.exec(headers.get('link') ?? '')?.[1]
  }
  return all
}

describe('an audit event', () => {
  it.each(['POST /fhir/AuditEvent', 'PUT /fhir/AuditEvent/x', 'DELETE /fhir/AuditEvent/x'])(
    'is made by the ledger alone: %s is no method here',
    async (request) => {
      const [method = '', path = ''] = request.split(' ')
      const body = method === 'DELETE' ? {} : { body: { resourceType: 'AuditEvent' } }
      const { status, headers } = await ask('auditor', method, path, body)
      expect([status, headers.get('allow')]).toEqual([405, expect.stringContaining('GET')])
    },
  )
})

describe('a receipt of one field', () => {
  it('shows that field, proves it offline, and says which member was altered', async () => {
    const [id] = await store(1)
    const get = ['receipt', 'get', `Observation/${id}`, '--as', 'patient-1', '--data-dir', ledger.dataDir]
    const receipt = JSON.parse(await caresealOk([...get, '--field', '/valueInteger'])) as {
      record: { shown: object[] }
    }
    expect(receipt.record.shown).toMatchObject([{ pointer: '/valueInteger', value: 0 }])
    const vkey = (await (await fetch(`${ledger.origin}/ledger/vkey`)).text()).trim()
    const file = join(folder.path, 'field.json')
    const verify = (text: string) => {
      writeFileSync(file, text)
      return careseal(['receipt', 'verify', file, '--vkey', vkey])
    }
    const text = JSON.stringify(receipt)
    expect(await verify(text)).toMatchObject({ code: 0, stdout: expect.stringContaining('/valueInteger = 0') })
    const altered = await verify(text.replace('"value":0', '"value":1'))
    expect(altered).toMatchObject({ code: 3, stdout: expect.stringContaining('content-wrong: a field is not the one') })
  })
})
