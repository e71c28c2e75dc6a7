// What an outside consumer may do on the broker: read the event types that it was granted, and nothing else.
import { consume, type Consumer } from '@careseal/client'
import { recipientOf } from '@careseal/contracts'
import { renderAuthorization, request, type NatsConnection } from '@careseal/messaging'
import { jetstream } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'

const world = new ConsumingWorld([
  { name: 'billing', types: ['ConsentRevoked'] },
  { name: 'registry', types: ['ConsentGranted'], recipient: true },
])
const consent = new TestProducer('consent')
const SUBJECT = '00000000-0000-4000-8000-000000000001'
let billing: NatsConnection

beforeAll(async () => {
  await world.start()
  world.answer(consent)
  billing = await world.login('billing')
  await world.publish(consent, consent.add(['ConsentGranted', 'ConsentRevoked', 'ConsentRead']))
})

afterAll(async () => {
  await billing.close()
  await world.stop()
})

async function isRefused(work: () => Promise<unknown> | unknown): Promise<boolean> {
  const statuses = billing.status()
  await work()
  await billing.flush()
  const timer = setTimeout(() => (statuses as unknown as { stop(): void }).stop(), 1500)
  for await (const { type } of statuses) {
    if (type !== 'error') continue
    clearTimeout(timer)
    return true
  }
  return false
}

const ask = () => {
  const subjects = { subjectIds: [SUBJECT] }
  return request(world.as('deployer'), recipientOf('registry'), 'forget-subjects', subjects, { deadlineMs: 3000 })
}

describe('an outside consumer', () => {
  it('gets the events of its grant alone', async () => {
    const consumer = await jetstream(billing).consumers.get('EVENTS', 'billing')
    const message = await consumer.next({ expires: 2000 })
    expect(message?.subject).toBe('evt.consent.consent.consent-revoked')
    expect(await consumer.next({ expires: 1000 })).toBeNull()
  })

  it.each([
    'evt.consent.consent.consent-granted',
    'dlq.registry',
    'cmd.consent.replay-outbox',
    'cmd.consent.replay-for.registry',
    'cmd.records.replay-for.billing',
    'cmd.consent.decide-access',
    'cmd.recipient.registry.forget-subjects',
    '$JS.API.CONSUMER.MSG.NEXT.EVENTS.registry',
    '$JS.API.CONSUMER.CREATE.EVENTS.billing',
    '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.billing',
    '$JS.API.CONSUMER.DELETE.EVENTS.billing',
    '$JS.API.STREAM.MSG.GET.EVENTS',
    '$JS.API.DIRECT.GET.EVENTS',
    '$JS.ACK.EVENTS.registry.1.1.1.1.0',
  ])('publishes nothing to %s', async (subject) => {
    expect(await isRefused(() => billing.publish(subject, '{}'))).toBe(true)
  })

  it.each(['evt.>', 'cmd.>', 'dlq.>', '_INBOX.consent.>', 'cmd.recipient.billing.forget-subjects', 'ledger.>'])(
    'hears nothing of %s',
    async (subject) => {
      expect(await isRefused(() => billing.subscribe(subject, { callback: () => undefined }))).toBe(true)
    },
  )

  it('is no user that nobody registered', () => {
    const users = [{ name: 'stranger', publicNkey: `U${'A'.repeat(55)}` }]
    expect(() => renderAuthorization(users)).toThrow('no permissions are known')
  })
})

describe('a recipient of personal data', () => {
  let forget: (subjectIds: readonly string[]) => Promise<number>
  let registry: Consumer

  it('that does not run has not acknowledged', async () => {
    await expect(ask()).rejects.toThrow('unreachable')
  })

  it('acknowledges an erasure by having done it, and not by failing', async () => {
    registry = await consume({
      nats: world.broker('registry'),
      durable: 'registry',
      types: ['ConsentGranted'],
      onEvent: () => undefined,
      forget: (subjectIds) => forget(subjectIds),
    })
    forget = () => Promise.reject(new Error('the table is locked'))
    await vi.waitFor(() => expect(ask()).rejects.toThrow('not-forgotten'), { timeout: 10_000 })
    const forgotten: string[] = []
    forget = async (subjectIds) => forgotten.push(...subjectIds)
    expect(await ask()).toEqual({ forgotten: 1 })
    expect(forgotten).toEqual([SUBJECT])
    await registry.stop()
  })
})
