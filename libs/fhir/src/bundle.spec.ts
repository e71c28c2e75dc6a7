import { describe, expect, it } from 'vitest'
import { BUNDLE_ENTRIES_MAX, inProcessingOrder, linksOf, parseBundle } from './bundle.js'
import { rewriteReferences } from './references.js'
import type { Resource } from './resource.js'

const post = (resource: object, fullUrl = 'urn:uuid:1') => ({
  fullUrl,
  resource,
  request: { method: 'POST', url: (resource as Resource).resourceType },
})
const bundle = (type: string, ...entry: unknown[]) => ({ resourceType: 'Bundle', type, entry })
const entry = (index: number, method: 'DELETE' | 'POST' | 'PUT') => ({ index, method, url: '', type: 'Patient' })
const patient = { resourceType: 'Patient' }

describe('bundles', () => {
  it('are read into entries', () => {
    const put = { resource: { ...patient, id: 'a' }, request: { method: 'PUT', url: 'Patient/a', ifMatch: 'W/"1"' } }
    const parsed = parseBundle(bundle('transaction', post(patient), put))
    expect(parsed).toMatchObject({
      ok: true,
      entries: [
        { index: 0, method: 'POST', type: 'Patient', fullUrl: 'urn:uuid:1' },
        { index: 1, method: 'PUT', type: 'Patient', id: 'a', ifMatch: 'W/"1"' },
      ],
    })
  })

  it.each(['transaction', 'batch'] as const)('of type %s with too many entries are refused unread', (type) => {
    const ofLength = (length: number) => parseBundle(bundle(type, ...Array.from({ length }, () => ({}))))
    const entriesMax = BUNDLE_ENTRIES_MAX[type]
    expect(ofLength(entriesMax)).not.toMatchObject({ issues: [{ code: 'too-costly' }] })
    expect(ofLength(entriesMax + 1)).toMatchObject({ ok: false, status: 422, issues: [{ code: 'too-costly' }] })
  })

  it.each([
    [400, { resourceType: 'Patient' }],
    [400, bundle('document')],
    [400, bundle('transaction', { resource: patient })],
    [400, bundle('transaction', { request: { method: 'PATCH', url: 'Patient/1' } })],
    [400, bundle('transaction', { request: { method: 'POST', url: 'Patientt' } })],
    [400, bundle('transaction', { request: { method: 'POST', url: 'Patient' } })],
    [400, bundle('transaction', { resource: patient, request: { method: 'PUT', url: 'Patient/1' } })],
    [400, bundle('transaction', { request: { method: 'DELETE', url: 'Patient?identifier=1' } })],
    [422, bundle('transaction', { ...post(patient), request: { method: 'POST', url: 'Patient', ifNoneExist: 'x=y' } })],
    [400, bundle('transaction', post(patient), post(patient))],
    [422, bundle('transaction', post({ resourceType: 'Consent' }))],
    [422, bundle('transaction', post({ resourceType: 'AuditEvent' }))],
    [422, bundle('transaction', { request: { method: 'GET', url: 'Patient/1' } })],
    [400, bundle('transaction', { request: { method: 'DELETE', url: 'Patient/1', ifMatch: '' } })],
    [400, bundle('transaction', { request: { method: 'DELETE', url: 'Patient/1', ifMatch: ['W/"1"'] } })],
  ])('are refused with %i: %j', (status, json) => {
    expect(parseBundle(json)).toMatchObject({ ok: false, status })
  })

  it('name every entry at fault', () => {
    const parsed = parseBundle(
      bundle('transaction', post(patient), {}, post({ resourceType: 'Consent' }, 'urn:uuid:2')),
    )
    expect(parsed.ok === false && parsed.issues.map((issue) => issue.expression)).toEqual([
      ['Bundle.entry[1].request'],
      ['Bundle.entry[2].resource'],
    ])
  })

  it('say what two of them have in common', () => {
    const erase = { request: { method: 'DELETE', url: 'Patient/1' } }
    const parsed = parseBundle(bundle('transaction', post(patient), post(patient), erase, erase))
    expect(parsed.ok === false && parsed.issues.map((issue) => issue.expression)).toEqual([
      ['Bundle.entry[1].fullUrl'],
      ['Bundle.entry[3].request.url'],
    ])
  })

  it('of type batch keep the good entries, Consents and reads among them', () => {
    const read = { request: { method: 'GET', url: 'Patient/1' } }
    const parsed = parseBundle(bundle('batch', {}, post({ resourceType: 'Consent' }), read))
    expect(parsed).toMatchObject({ ok: true, entries: [{ index: 1 }, { index: 2, id: '1' }], faults: [{ index: 0 }] })
  })

  it('delete first, then create, then update', () => {
    const order = inProcessingOrder([entry(0, 'PUT'), entry(1, 'POST'), entry(2, 'DELETE'), entry(3, 'POST')])
    expect(order.map((one) => one.index)).toEqual([2, 1, 3, 0])
  })

  it('link their entries', () => {
    const parsed = parseBundle(bundle('transaction', post(patient), post(patient, 'https://a.example/fhir/Patient/7')))
    const links = parsed.ok ? linksOf(parsed.entries, (entry) => `new-${entry.index}`) : new Map()
    expect([...links]).toEqual([
      ['urn:uuid:1', 'Patient/new-0'],
      ['https://a.example/fhir/Patient/7', 'Patient/new-1'],
      ['Patient/7', 'Patient/new-1'],
    ])
  })
})

describe('rewriting of references', () => {
  const links = new Map([['urn:uuid:1', 'Patient/a']])

  it('follows references, uris and narrative links, and leaves identifiers alone', () => {
    const resource = {
      resourceType: 'DocumentReference',
      identifier: [{ system: 'urn:ietf:rfc:3986', value: 'urn:uuid:1' }],
      subject: { reference: 'urn:uuid:1', display: 'urn:uuid:1' },
      content: [{ attachment: { url: 'urn:uuid:1' } }],
      text: { status: 'generated', div: `<div><a href="urn:uuid:1">urn:uuid:1</a><img src='urn:uuid:2'/></div>` },
      extension: [{ url: 'x', valueUri: 'urn:uuid:1' }],
    }
    expect(rewriteReferences(resource, { links })).toEqual({
      ...resource,
      subject: { reference: 'Patient/a', display: 'urn:uuid:1' },
      content: [{ attachment: { url: 'Patient/a' } }],
      text: { status: 'generated', div: `<div><a href="Patient/a">urn:uuid:1</a><img src='urn:uuid:2'/></div>` },
      extension: [{ url: 'x', valueUri: 'Patient/a' }],
    })
  })

  it('makes references to this server relative', () => {
    const base = 'https://a.example/fhir/'
    const resource = { resourceType: 'Observation', subject: { reference: `${base}Patient/1` } }
    expect(rewriteReferences(resource, { links, base }).subject).toEqual({ reference: 'Patient/1' })
  })

  it('changes nothing in the given resource', () => {
    const resource = { resourceType: 'Observation', subject: { reference: 'urn:uuid:1' } }
    rewriteReferences(resource, { links })
    expect(resource.subject.reference).toBe('urn:uuid:1')
  })
})
