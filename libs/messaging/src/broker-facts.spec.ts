import * as fc from 'fast-check'
import { DiscardPolicy } from '@nats-io/jetstream'
import { describe, expect, it, vi } from 'vitest'
import { publishAtomic, type StreamMessage } from './atomic-batch.js'
import type { NatsConnection } from './connection.js'
import { batchesOf } from './publish.js'
import { serverFault } from './server-version.js'
import { DLQ_STREAM, EVENTS_STREAM, streamDifferences } from './streams.js'
import { producerIn, subjectMatches } from '@careseal/event-envelope'

const message = (bytes: number): StreamMessage => ({ subject: 'evt.a.b.c', body: new Uint8Array(bytes), headers: {} })

describe('the server', () => {
  it.each([
    ['2.15.1', true],
    ['2.12.0-beta.2', true],
    ['3.0.0', true],
    ['2.11.9', false],
    ['1.99.0', false],
    ['dev', false],
  ])('of version %s is fit: %s', (version, isFit) => {
    const fault = serverFault({ version, jetstream: true, headers: true })
    expect(fault).toBe(isFit ? null : `nats-server ${version} is too old: Careseal needs 2.12`)
  })

  it('must have JetStream and headers', () => {
    expect(serverFault({ version: '2.15.1', headers: true })).toContain('JetStream')
    expect(serverFault({ version: '2.15.1', jetstream: true })).toContain('headers')
    expect(serverFault(undefined)).not.toBeNull()
  })
})

describe('stream settings', () => {
  it('do not differ from themselves, also where the server leaves defaults out', () => {
    expect(streamDifferences(EVENTS_STREAM, { ...EVENTS_STREAM, num_replicas: 3 })).toEqual([])
    const { deny_delete: _d, deny_purge: _p, ...shown } = DLQ_STREAM
    expect(streamDifferences(DLQ_STREAM, shown)).toEqual([])
  })

  it('say in words what differs', () => {
    const actual = { ...EVENTS_STREAM, discard: DiscardPolicy.Old, subjects: ['evt.a.>'] }
    expect(streamDifferences(EVENTS_STREAM, actual)).toEqual([
      'subjects is ["evt.a.>"], must be ["evt.>"]',
      'discard is "old", must be "new"',
    ])
  })
})

describe('subjects', () => {
  it.each([
    ['evt.>', 'evt.consent.consent.x', true],
    ['evt.>', 'evt', false],
    ['evt.*.x', 'evt.a.x', true],
    ['evt.*.x', 'evt.a.b.x', false],
    ['evt.a', 'evt.a.b', false],
    ['evt.a.*', 'evt.a', false],
  ])('%s covers %s: %s', (filter, subject, covers) => {
    expect(subjectMatches(filter, subject)).toBe(covers)
  })

  it('name their producer by the second token', () => {
    expect(producerIn('evt.consent-2.consent.consent-granted')).toBe('consent-2')
    expect([producerIn('cmd.consent.x'), producerIn('evt.consent')]).toEqual([null, null])
  })
})

describe('batches', () => {
  it('keep every message and its order, within the limits', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60, size: 'max' })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 9 }), (bytes, batchMessages) => {
        const messages = bytes.map(message)
        const batches = batchesOf(messages, { batchMessages, batchBytes: 8000 })
        expect(batches.flat()).toEqual(messages)
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0)
          expect(batch.length).toBeLessThanOrEqual(batchMessages)
          const total = batch.reduce((sum, { body }) => sum + body.length + 1024, 0)
          expect(batch.length === 1 || total <= 8000).toBe(true)
        }
      }),
    )
  })

  it.each([
    ['a server that knows no batches', { stream: 'EVENTS', seq: 9 }],
    ['another batch', { stream: 'EVENTS', batch: 'x', count: 2 }],
    ['another stream', { stream: 'OTHER', count: 2 }],
  ])('are not believed to be stored by %s', async (_case, ack) => {
    const request = vi.fn<() => Promise<unknown>>(async () => ({ json: () => ack }))
    const nc = { publish: vi.fn<() => void>(), request } as unknown as NatsConnection
    const stored = publishAtomic(nc, [message(1), message(2)], { stream: 'EVENTS', timeoutMs: 100 })
    await expect(stored).rejects.toThrow('publishing failed')
    expect(request).toHaveBeenCalledTimes(1)
  })
})
