import { sampleEvent, subjectOf } from '@careseal/contracts'
import { eventHeaders } from '@careseal/messaging'
import type { JsMsg } from '@nats-io/jetstream'
import { headers } from 'nats'
import { describe, expect, it } from 'vitest'
import { DeadLetter, HandlerFailed, RetryLater } from './failures.js'
import { deadLetterHeaders, deadLetterReason, retryDelayMs } from './settle.js'

const BACKOFF_MS = [10, 100, 1000]

function delivered(deliveryCount: number): JsMsg {
  const received = headers()
  received.set('ce-id', 'x')
  received.set('Nats-Msg-Id', 'consent:7')
  received.set('Nats-Batch-Id', 'b')
  const info = { deliveryCount, streamSequence: 42, timestampNanos: 9n }
  return { subject: 'evt.a.b.c', headers: received, data: new Uint8Array(), info } as unknown as JsMsg
}

/** The same event at one place of one stream or another, by its owner or by another service. */
function eventAt(streamSequence: number, producer = 'consent', headersOf = producer): JsMsg {
  const data = new TextEncoder().encode(JSON.stringify(sampleEvent('ConsentRevoked')))
  const event = { seq: 7, body: data, tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }
  const values = eventHeaders({ ...event, producer: headersOf, subject: subjectOf('ConsentRevoked', headersOf) })
  const received = headers()
  for (const [name, all] of Object.entries(values)) received.set(name, all[0] as string)
  const info = { deliveryCount: 1, streamSequence, timestampNanos: 9n }
  return { subject: subjectOf('ConsentRevoked', producer), headers: received, data, info } as unknown as JsMsg
}

const letterIdOf = (message: JsMsg) => deadLetterHeaders(message, 'reason', 'audit').get('Nats-Msg-Id')

describe('a failed message', () => {
  it('waits longer from delivery to delivery, and then always as long', () => {
    const waits = [1, 2, 3, 4, 50].map((count) => retryDelayMs(count, new Error('x'), BACKOFF_MS))
    expect(waits).toEqual([10, 100, 1000, 1000, 1000])
    expect(retryDelayMs(1, new Error('x'), [])).toBe(0)
  })

  it('waits as long as its handler says', () => {
    expect(retryDelayMs(1, new RetryLater('busy', 0), BACKOFF_MS)).toBe(0)
    expect(retryDelayMs(1, new RetryLater('busy'), BACKOFF_MS)).toBe(10)
  })

  it('is tried again until it was delivered too often', () => {
    const reasons = [1, 4, 5, 6].map((count) => deadLetterReason(delivered(count), new Error('x'), 5))
    expect(reasons).toEqual([null, null, 'max-deliveries', 'max-deliveries'])
  })

  it('becomes a dead letter at once when its handler says so', () => {
    expect(deadLetterReason(delivered(1), new DeadLetter('no-such-patient'), 5)).toBe('no-such-patient')
  })

  it('tells a code of the failure, never its words', () => {
    const failure = new HandlerFailed(Object.assign(new Error('private words'), { code: '23505' }))
    expect(deadLetterReason(delivered(5), failure, 5)).toBe('max-deliveries: 23505')
  })
})

describe('a dead letter', () => {
  it('keeps the headers of the original but those that steer the broker, and says whence it comes', () => {
    const values = deadLetterHeaders(delivered(3), 'reason', 'audit')
    expect(Object.fromEntries([...values].map(([key, all]) => [key, all[0]]))).toEqual({
      'ce-id': 'x',
      'dlq-subject': 'evt.a.b.c',
      'dlq-reason': 'reason',
      'dlq-deliveries': '3',
      'dlq-stream-seq': '42',
      'Nats-Msg-Id': 'dlq:audit:42@9',
    })
  })

  it('is known by its event, wherever that stood in the stream, and never by what another service says of it', () => {
    const id = letterIdOf(eventAt(1))
    expect(id).toBe(`dlq:audit:consent:${sampleEvent('ConsentRevoked').id}`)
    expect(letterIdOf(eventAt(2))).toBe(id)
    expect(letterIdOf(eventAt(1, 'records'))).not.toBe(id)
    expect(letterIdOf(eventAt(1, 'records', 'consent'))).toBe('dlq:audit:1@9')
  })

  it('has a reason that fits a header', () => {
    expect(deadLetterHeaders(delivered(1), 'a\r\nb: c', 'audit').get('dlq-reason')).toBe('a  b: c')
  })
})
