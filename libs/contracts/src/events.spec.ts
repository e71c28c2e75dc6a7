import { describe, expect, it } from 'vitest'
import { ZodError } from 'zod'
import { EVENT_TYPES, parseEventBody, producerOf, subjectOf, UnknownEventVersion } from './index.js'

const id = '00000000-0000-4000-8000-000000000001'
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const closed = { id, type: 'AccountClosed', schemaVersion: 1, time: '2026-01-01T00:00:00Z', data: { accountId: id } }

describe('event contracts', () => {
  it('names a subject by producer, aggregate and event, and no id', () => {
    expect(subjectOf('ConsentGranted')).toBe('evt.consent.consent.consent-granted')
    expect(subjectOf('ConsentGranted', 'consent-2')).toBe('evt.consent-2.consent.consent-granted')
    for (const type of EVENT_TYPES) expect(subjectOf(type)).toMatch(/^evt\.[a-z]+\.[a-z-]+\.[a-z-]+$/)
  })

  it('knows the producer of every event', () => {
    for (const type of EVENT_TYPES) expect(subjectOf(type).split('.')[1]).toBe(producerOf(type))
  })

  it('reads a body that fits its schema', () => {
    expect(parseEventBody(encode(closed))).toEqual(closed)
  })

  it.each([
    ['a type that is none', { ...closed, type: 'account updated' }],
    ['an unknown member', { ...closed, name: 'x' }],
    ['unknown data', { ...closed, data: { accountId: id, name: 'x' } }],
    ['missing data', { ...closed, data: {} }],
  ])('refuses %s', (_case, body) => {
    expect(() => parseEventBody(encode(body))).toThrow(ZodError)
  })

  it.each([
    ['a type', { ...closed, type: 'AccountMoved' }],
    ['a version', { ...closed, schemaVersion: 2, data: { account: id } }],
  ])('says by name that %s comes from a newer program', (_case, body) => {
    expect(() => parseEventBody(encode(body))).toThrow(UnknownEventVersion)
  })
})
