// The ways by which other servers told about hidden records (shared/spec/fhir.md, "Leak routes to close"), one by one.
// What is hidden must read as what does not exist.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  anyId,
  callersOf,
  eventuallyOk,
  grantOf,
  newsOf,
  observationOf,
  type Callers,
  type Loose,
} from '../support/callers.js'
import { upDetached } from '../support/careseal.js'

let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
let patient: string
let consent: Loose
let kept: Loose
let deleted: Loose

const CODE = { coding: [{ system: 'urn:leak', code: 'hidden' }] }

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  patient = String(callers.claims('patient-1').careseal.patientId)
  const practitioner = String(callers.claims('clinician-2').careseal.practitionerId)
  consent = (await callers.post('patient-1', '/fhir/Consent', grantOf(patient, practitioner))).body
  const write = async () =>
    (await callers.post('hospital', '/fhir/Observation', observationOf(patient, { code: CODE }))).body
  ;[kept, deleted] = [await write(), await write()]
  await callers.call('hospital', { method: 'DELETE', path: `/fhir/Observation/${deleted.id}` })
})
afterAll(() => ledger?.down())

/** Expects that this caller is told the same about a hidden and about an unknown thing. */
async function expectSameNews(who: string, pathOf: (known: boolean) => string, headers?: Record<string, string>) {
  const [known, unknown] = await Promise.all([true, false].map((one) => callers.get(who, pathOf(one), headers)))
  expect(newsOf(known!)).toEqual(newsOf(unknown!))
  return known!
}

const countedSearch = (known: boolean) =>
  `/fhir/Observation?patient=${known ? patient : anyId()}&_total=accurate&_sort=date`

const nextOf = ({ body }: { body: Loose }) =>
  String(body.link?.find(({ relation }: Loose) => relation === 'next')?.url ?? body.next)

const STRANGERS = ['clinician', 'hospital', 'lab', 'patient-2'] as const

describe.each(STRANGERS)('to %s', (who) => {
  it('a search tells nothing by hits, totals, counts or links', async () => {
    for (const query of ['', '&code=urn:leak|hidden', '&category=laboratory', '&date=ge2000', '&_count=1']) {
      const answer = await expectSameNews(
        who,
        (known) => `/fhir/Observation?patient=${known ? patient : anyId()}${query}`,
      )
      expect([answer.status, answer.body.entry, answer.body.total]).toEqual([200, undefined, undefined])
    }
    const byId = await expectSameNews(who, (known) => `/fhir/Observation?_id=${known ? kept.id : anyId()}`)
    expect(byId.body.entry).toBeUndefined()
  })

  it('predicates over hidden data are refused before they look, or ignored aloud', async () => {
    for (const query of [
      '_summary=count',
      '_total=accurate',
      '_include=*',
      '_revinclude=Provenance:target',
      '_sort=date',
    ])
      expect((await callers.get(who, `/fhir/Observation?patient=${patient}&${query}`)).status).toBe(400)
    for (const query of ['patient.name=x', '_has:Provenance:target:agent=x', '_filter=code eq hidden', 'identifier=x'])
      expect((await callers.get(who, `/fhir/Observation?${query}`)).status).toBe(400)
    const lenient = await expectSameNews(who, countedSearch, { prefer: 'handling=lenient' })
    expect(lenient.body.total).toBeUndefined()
  })

  it('deleted, restricted and old versions are as unknown as others', async () => {
    for (const { id, meta } of [kept, deleted]) {
      for (const rest of ['', '/_history', `/_history/${meta.versionId}`, `/_history/${meta.versionId}/$receipt`]) {
        const answer = await expectSameNews(who, (known) => `/fhir/Observation/${known ? id : anyId()}${rest}`)
        expect(answer.status).toBe(404)
      }
    }
  })

  it('an ETag that is right gets no 304, and conditions on creation are not looked at', async () => {
    for (const etag of [`W/"${kept.meta.versionId}"`, '*']) {
      const path = (known: boolean) => `/fhir/Observation/${known ? kept.id : anyId()}`
      expect((await expectSameNews(who, path, { 'if-none-match': etag })).status).toBe(404)
    }
    const body = observationOf(patient)
    const headers = { 'if-none-exist': `identifier=x&patient=${patient}` }
    const answer = await callers.call(who, { method: 'POST', path: '/fhir/Observation', body, headers })
    expect(answer.status).toBe(who === 'patient-2' ? 403 : 412)
  })

  it('a write that names an absent patient tells nothing of what it would overwrite', async () => {
    const put = async (id: string) => {
      const body = observationOf(anyId(), { id })
      return newsOf(await callers.call(who, { method: 'PUT', path: `/fhir/Observation/${id}`, body }))
    }
    const restricted = (await callers.post('lab', '/fhir/Observation', observationOf(patient))).body
    const [known, unknown] = [await put(restricted.id), await put(anyId())]
    // From the laboratory, which wrote it, the record is not hidden; a patient writes nothing at all.
    const told = who === 'lab' ? 403 : 404
    expect([known.status, unknown.status]).toEqual(who === 'patient-2' ? [403, 403] : [told, 404])
    expect(known.text === unknown.text).toBe(who !== 'lab')
  })

  it('other services behind the same base show neither consents nor the log', async () => {
    const search = await expectSameNews(who, (known) => `/fhir/Consent?patient=${known ? patient : anyId()}`)
    expect([search.status, search.body.total]).toEqual([200, 0])
    await expectSameNews(who, (known) => `/fhir/Consent/${known ? consent.id : anyId()}/_history`)
    const log = await expectSameNews(who, (known) => `/fhir/AuditEvent?patient=${known ? patient : anyId()}`)
    expect(log.body.entry).toBeUndefined()
    await expectSameNews(who, (known) => `/audit/patients/${known ? patient : anyId()}/accesses`)
  })
})

describe('what stands beside a record', () => {
  it('is hidden with it: a Provenance belongs to the patients of its targets', async () => {
    const target = [{ reference: `Observation/${kept.id}` }]
    const agent = [{ who: { display: 'a laboratory' } }]
    const provenance = { resourceType: 'Provenance', target, recorded: '2020-01-01T00:00:00Z', agent }
    const { body } = await callers.post('hospital', '/fhir/Provenance', provenance)
    expect((await callers.get('patient-1', `/fhir/Provenance/${body.id}`)).status).toBe(200)
    for (const who of STRANGERS) {
      await expectSameNews(who, (known) => `/fhir/Provenance?_id=${known ? body.id : anyId()}`)
      await expectSameNews(who, (known) => `/fhir/Provenance/${known ? body.id : anyId()}`)
    }
  })

  it('is not stored when its subject is no patient of this server', async () => {
    const subjects = [
      { display: 'somebody' },
      { reference: '#p' },
      { reference: `http://127.0.0.1/fhir/Patient/${patient}` },
      { reference: `Patient?_id=${patient}` },
    ]
    for (const subject of subjects) {
      const body = observationOf('', { subject, contained: [{ resourceType: 'Patient', id: 'p' }] })
      expect((await callers.post('hospital', '/fhir/Observation', body)).status).toBe(422)
    }
  })

  it('of another service is reached by no dots in a batch', async () => {
    const entry = ['Consent/../../livez', 'AuditEvent/%2e%2e/%2e%2e/audit/openapi.json'].map((url) => ({
      request: { method: 'GET', url },
    }))
    const { body } = await callers.post('patient-2', '/fhir', { resourceType: 'Bundle', type: 'batch', entry })
    expect(body.entry.map((one: Loose) => one.response.status)).toEqual(['404 Not Found', '404 Not Found'])
  })
})

describe('a page', () => {
  it('is full for who may see one patient of several, and holds that patient alone', async () => {
    const first = await callers.get('clinician-2', '/fhir/Observation?_count=5')
    const second = await callers.get('clinician-2', nextOf(first))
    for (const { body } of [first, second]) {
      expect(body.entry).toHaveLength(5)
      const subjects = body.entry.map(({ resource }: Loose) => resource.subject.reference)
      expect(new Set(subjects)).toEqual(new Set([`Patient/${patient}`]))
    }
  })

  it('goes on for its own caller alone', async () => {
    const records = nextOf(await callers.get('patient-1', `/fhir/Observation?patient=${patient}&_count=1`))
    const log = nextOf(await callers.get('patient-1', `/audit/patients/${patient}/accesses?count=1`))
    const events = nextOf(await callers.get('patient-1', `/fhir/AuditEvent?patient=${patient}&_count=1`))
    for (const who of ['patient-2', 'clinician', 'clinician-2'] as const) {
      expect((await callers.get(who, records)).status).toBe(400)
    }
    const [foreignLog, foreignEvents] = [await callers.get('patient-2', log), await callers.get('patient-2', events)]
    expect([foreignLog.status, foreignEvents.body.entry]).toEqual([404, undefined])
    for (const url of [records, log, events]) expect((await callers.get('patient-1', url)).status).toBe(200)
  })

  it('of one patient is no page of another', async () => {
    const next = nextOf(await callers.get('patient-1', `/fhir/Observation?patient=${patient}&_count=1`))
    const other = String(callers.claims('patient-2').careseal.patientId)
    expect((await callers.get('patient-1', next.replace(patient, other))).status).toBe(400)
  })
})

describe('after a revocation', () => {
  it('nothing is served any more: neither record, version, history, receipt nor next page', async () => {
    const at = `/fhir/Observation/${kept.id}`
    const version = `${at}/_history/${kept.meta.versionId}`
    await eventuallyOk(() => callers.get('clinician-2', `${version}/$receipt`))
    const page = await callers.get('clinician-2', `/fhir/Observation?patient=${patient}&_count=1`)
    const next = nextOf(page)
    const body = { ...consent, status: 'inactive' }
    const path = `/fhir/Consent/${consent.id}`
    expect((await callers.call('patient-1', { method: 'PUT', path, body })).status).toBe(200)
    for (const url of [at, version, `${at}/_history`, `${version}/$receipt`]) {
      const unknown = await callers.get('clinician-2', url.replace(kept.id, anyId()))
      expect(newsOf(await callers.get('clinician-2', url))).toEqual(newsOf(unknown))
    }
    expect((await callers.get('clinician-2', at, { 'if-none-match': '*' })).status).toBe(404)
    const after = await callers.get('clinician-2', next)
    expect([after.status, after.body.entry]).toEqual([200, undefined])
    expect((await callers.get('clinician-2', path)).status).toBe(404)
  })
})
