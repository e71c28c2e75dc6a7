// I14: a patient with unmistakable values goes through every route, errors included. Afterwards none of the values stands
// in a log, a metric, a file of the broker or the database, a table of any service, or the body of an error.
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectNats } from '@careseal/messaging'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  callersOf,
  eventuallyOk,
  grantOf,
  LOGINS,
  type Answer,
  type Asked,
  type Callers,
  type Loose,
} from '../support/callers.js'
import { needlesOf, searchBytes, searchFolder, type Finding } from '../support/canary.js'
import { upDetached } from '../support/careseal.js'

const CANARY = {
  family: 'Zyxquakanari',
  given: 'Qwjxkanari',
  identifier: 'KANARI-90210-77-4711',
  phone: '+99-471-1477-1174',
  street: 'Kanariquellenweg 4711',
  born: '1899-12-27',
  code: 'kanaricode-83719',
  note: 'Kanariqual seit dem Xylophonkonzert',
}
const needles = needlesOf(Object.values(CANARY))

let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
let state: Loose
const answers: { asked: string; answer: Answer }[] = []

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  state = JSON.parse(readFileSync(join(ledger.dataDir, 'state.json'), 'utf8')) as Loose
})
afterAll(() => ledger?.down())

async function ask(who: string | null, asked: Asked): Promise<Answer> {
  const answer = await callers.call(who, asked)
  answers.push({ asked: `${who} ${asked.method} ${asked.path}`, answer })
  return answer
}

function entryOf(fullUrl: string, resource: { resourceType: string }) {
  return { fullUrl, resource, request: { method: 'POST', url: resource.resourceType } }
}

function canaryBundle(): object {
  const { family, given, identifier, phone, street, born, code, note } = CANARY
  const patient = {
    resourceType: 'Patient',
    name: [{ family, given: [given] }],
    identifier: [{ system: 'urn:canary', value: identifier }],
    telecom: [{ system: 'phone', value: phone }],
    address: [{ line: [street] }],
    birthDate: born,
  }
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'urn:canary', code }] },
    subject: { reference: 'urn:uuid:canary' },
    note: [{ text: note }],
  }
  const entry = [entryOf('urn:uuid:canary', patient), entryOf('urn:uuid:canary-2', observation)]
  return { resourceType: 'Bundle', type: 'transaction', entry }
}

/**
 * Values where careless clients put them: in paths, parameters, headers and broken bodies. Not as names of members and
 * parameters: an error repeats those to the caller, for they say what is wrong.
 */
function misplaced(patientId: string): Asked[] {
  const { family, identifier, code, note } = CANARY
  const value = encodeURIComponent(note)
  const paths = [
    `/fhir/Patient/${identifier}`,
    `/fhir/Observation/${patientId}/_history/${identifier}`,
    `/fhir/Patient?name=${family}`,
    `/fhir/Observation?patient=${patientId}&code=${code}&date=${value}`,
    `/fhir/Observation?patient=${patientId}&_cursor=${identifier}`,
    `/fhir/Consent?patient=${identifier}&status=${family}`,
    `/fhir/AuditEvent?patient=${identifier}&date=${value}`,
    `/audit/patients/${identifier}/accesses?since=${value}`,
    `/auth/members?after=${family}`,
    `/auth/accounts/${identifier}`,
    `/ledger/producers/${identifier}`,
    `/ledger/tile/${value}`,
    `/docs/${identifier}`,
    `/${family}/${value}`,
  ]
  const bodies = [`{"${family}":`, JSON.stringify({ resourceType: 'Patient', gender: identifier, birthDate: note })]
  const headers = { 'x-request-id': identifier, 'x-purpose-of-use': note, 'idempotency-key': family, prefer: family }
  return [
    ...paths.map((path) => ({ method: 'GET', path })),
    ...['/fhir', '/fhir/Patient', '/fhir/Consent', '/auth/members'].flatMap((path) =>
      bodies.map((body) => ({ method: 'POST', path, body })),
    ),
    { method: 'POST', path: '/auth/token', body: new URLSearchParams({ client_assertion: note, scope: family }) },
    { method: 'GET', path: '/fhir/Observation', headers },
  ]
}

async function everyRoute(): Promise<void> {
  const stored = await ask('hospital', { method: 'POST', path: '/fhir', body: canaryBundle() })
  const [patientAt, observationAt] = stored.body.entry.map(({ response }: Loose) => String(response.location))
  const patientId = patientAt.split('/')[1]
  const { practitionerId } = callers.claims('clinician').careseal
  const name = `${CANARY.given} ${CANARY.family}`
  await ask('operator', { method: 'POST', path: '/auth/patients', body: { patientId, name } })
  await ask('hospital', {
    method: 'POST',
    path: '/fhir/Consent',
    body: { ...grantOf(patientId, practitionerId), id: name },
  })
  const update = { resourceType: 'Patient', id: patientId, name: [{ family: CANARY.family }] }
  await ask('hospital', { method: 'PUT', path: `/fhir/Patient/${patientId}`, body: update })
  for (const who of [null, ...LOGINS]) {
    for (const at of [patientAt, observationAt, `${observationAt}/$receipt`]) {
      await ask(who, { method: 'GET', path: `/fhir/${at}` })
    }
  }
  for (const who of [null, 'operator', 'hospital', 'auditor', 'patient-1']) {
    await Promise.all(misplaced(patientId).map((asked) => ask(who, asked)))
  }
  await eventuallyOk(() => callers.get('auditor', `/audit/patients/${patientId}/accesses`))
}

async function metrics(): Promise<Buffer> {
  const urls = Object.values(state.services as Record<string, { metricsUrl: string }>).map((one) => one.metricsUrl)
  const texts = await Promise.all(urls.map(async (url) => (await fetch(new URL('/metrics', url))).text()))
  expect(texts.every((text) => text.includes('careseal_'))).toBe(true)
  return Buffer.from(texts.join('\n'))
}

/** Every row of every table of every service, as Postgres writes it out. */
async function tables(): Promise<Finding[]> {
  const client = new Client({ connectionString: ledger.postgres })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    )
    expect(rows.length).toBeGreaterThan(30)
    const found: Finding[] = []
    for (const { name } of rows) {
      const dump = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`)
      found.push(...searchBytes(name, Buffer.from(dump.rows.map(({ line }) => line).join('\n')), needles))
    }
    return found
  } finally {
    await client.end()
  }
}

async function plant(): Promise<void> {
  appendFileSync(join(ledger.dataDir, 'logs', 'records.log'), `{"msg":"${CANARY.family}"}\n`)
  const client = new Client({ connectionString: ledger.postgres })
  await client.connect()
  await client.query('CREATE TABLE audit.planted (value bytea)')
  await client.query('INSERT INTO audit.planted VALUES ($1)', [Buffer.from(CANARY.identifier)])
  await client.end()
  const seedFile = join(ledger.dataDir, 'secrets', 'nats-records.nk')
  const nc = await connectNats({ url: ledger.nats, name: 'records', seedFile })
  await nc.request('evt.records.planted.value', Buffer.from(CANARY.note).toString('base64'), { timeout: 5_000 })
  await nc.close()
}

/** The folders below the data folder in whose files something was found. */
async function places(): Promise<string[]> {
  const planted = needlesOf([CANARY.family, CANARY.identifier, CANARY.note])
  const found = await searchFolder(ledger.dataDir, planted)
  return [...new Set(found.map(({ place }) => place.slice(ledger.dataDir.length + 1).split('/')[0]!))].toSorted()
}

describe('a patient with unmistakable values', () => {
  it('goes through every route', async () => {
    await everyRoute()
    const shown = answers.filter(({ answer }) => answer.status === 200 && answer.text.includes(CANARY.family))
    expect(shown.map(({ asked }) => asked).join('\n')).toContain('/fhir/Patient')
    expect(answers.filter(({ answer }) => answer.status >= 400).length).toBeGreaterThan(80)
    expect(answers.filter(({ answer }) => answer.status >= 500).map(({ asked }) => asked)).toEqual([])
  })

  it('is in no error body and no header', () => {
    const refused = answers.filter(({ answer }) => answer.status >= 400)
    const told = refused.flatMap(({ asked, answer: { text, headers } }) =>
      searchBytes(asked, Buffer.from(`${text}\n${JSON.stringify([...headers])}`), needles),
    )
    expect(told).toEqual([])
  })

  it('is in no metric', async () => {
    expect(searchBytes('metrics', await metrics(), needles)).toEqual([])
  })

  it('is in no table of any service', async () => {
    expect(await tables()).toEqual([])
  })

  it('is in no file: logs, broker, database, signer', async () => {
    expect(readdirSync(ledger.dataDir)).toEqual(expect.arrayContaining(['logs', 'nats', 'postgres', 'signer']))
    expect(await searchFolder(ledger.dataDir, needles)).toEqual([])
  })

  it('would have been found in a log, a table, the broker’s files and the database’s', async () => {
    await plant()
    expect(await tables()).toMatchObject([{ place: 'audit.planted', value: CANARY.identifier, encoding: 'hex' }])
    await expect.poll(places, { timeout: 60_000, interval: 1_000 }).toEqual(['logs', 'nats', 'postgres'])
  })
})
