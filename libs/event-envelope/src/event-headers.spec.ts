import { sampleEvent } from '@careseal/contracts'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  agreesWithBody,
  chainFields,
  decodeHeaderValue,
  encodeHeaderValue,
  eventHeaders,
  type HeaderRecord,
} from './event-headers.js'
import type { OutgoingEvent } from './ledger-event.js'

const consentRead: OutgoingEvent = {
  producer: 'consent',
  seq: 1,
  tag: '7'.repeat(64),
  commitment: 'b'.repeat(64),
  link: 'c'.repeat(64),
  subject: 'evt.consent.consent.consent-read',
  body: new TextEncoder().encode(JSON.stringify(sampleEvent('ConsentRead'))),
}
const wellFormed = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed())
const hash = fc.stringMatching(/^[0-9a-f]{64}$/)

function eventWith(fields: { id: string; type: string; time: string }): OutgoingEvent {
  const body = new TextEncoder().encode(JSON.stringify({ ...fields, data: {} }))
  return { ...consentRead, body, subject: 'evt.consent.thing.something-happened' }
}

describe('header values', () => {
  it('come back as they were, from printable ASCII without space, quote or loose percent sign', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        const encoded = encodeHeaderValue(text)
        expect(encoded).toMatch(/^([\x21\x23\x24\x26-\x7e]|%[0-9A-F]{2})*$/)
        expect(decodeHeaderValue(encoded)).toBe(text)
      }),
    )
  })

  it('are encoded as the CloudEvents specification shows', () => {
    expect(encodeHeaderValue('Euro € 😀')).toBe('Euro%20%E2%82%AC%20%F0%9F%98%80')
  })

  it('cannot be made of a lone surrogate', () => {
    expect(() => encodeHeaderValue('\ud800')).toThrow('well-formed')
  })
})

describe('headers of an event', () => {
  it('agree with the body that they were made from', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, wellFormed, (id, type, time) => {
        const event = eventWith({ id, type, time })
        expect(agreesWithBody(eventHeaders(event), event.subject, event.body)).toBe(true)
      }),
    )
  })

  it('are compared with each body alone: one that is no UTF-8 does not spoil the next', () => {
    const event = eventWith({ id: 'i', type: 't', time: 'n' })
    const headers = eventHeaders(event)
    for (const cut of [[0xff], [0xe2, 0x82], [0xef, 0xbb]]) {
      expect(agreesWithBody(headers, event.subject, Uint8Array.from(cut))).toBe(false)
      expect(agreesWithBody(headers, event.subject, event.body)).toBe(true)
    }
  })

  it('disagree with a body of which they are no copy', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, fc.constantFrom('id', 'type', 'time'), (one, other, field) => {
        fc.pre(one !== other)
        const fields = { id: 'i', type: 't', time: 'n' }
        const headers = eventHeaders(eventWith({ ...fields, [field]: one }))
        const changed = eventWith({ ...fields, [field]: other })
        expect(agreesWithBody(headers, changed.subject, changed.body)).toBe(false)
      }),
    )
  })

  it('carry the place in the chain unchanged', () => {
    const seqs = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(seqs, hash, hash, hash, (seq, tag, commitment, link) => {
        const event = { ...eventWith({ id: 'i', type: 't', time: 'n' }), seq, tag, commitment, link }
        expect(chainFields(eventHeaders(event))).toEqual({ seq, tag, commitment, link })
      }),
    )
  })

  it.each<[string, HeaderRecord]>([
    ['no seq', { 'ledger-seq': [] }],
    ['two seqs', { 'ledger-seq': ['1', '1'] }],
    ['seq zero', { 'ledger-seq': ['0'] }],
    ['a fraction', { 'ledger-seq': ['1.5'] }],
    ['a short tag', { 'ledger-tag': ['ab'] }],
    ['capital digits', { 'ledger-link': ['A'.repeat(64)] }],
  ])('have no place in the chain with %s', (_case, change) => {
    const headers = { ...eventHeaders(eventWith({ id: 'i', type: 't', time: 'n' })), ...change }
    expect(chainFields(headers)).toBeNull()
  })

  it('disagree with a subject of another event', () => {
    const event = consentRead
    const headers = eventHeaders(event!)
    expect(agreesWithBody(headers, event!.subject, event!.body)).toBe(true)
    expect(agreesWithBody(headers, 'evt.consent.consent.consent-granted', event!.body)).toBe(false)
    expect(agreesWithBody(headers, 'evt.records.consent.consent-read', event!.body)).toBe(false)
  })

  it('cannot be made for a body that is no event', () => {
    const event = { ...eventWith({ id: 'i', type: 't', time: 'n' }), body: new Uint8Array([0xff]) }
    expect(() => eventHeaders(event)).toThrow('is no event')
  })
})
