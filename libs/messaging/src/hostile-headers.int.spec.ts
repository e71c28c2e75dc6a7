// Whoever may publish writes the headers. The client library throws at some of them while it reads, and a throw within
// a subscription ends the connection that all readers of a service share.
import { eventHeaders } from '@careseal/event-envelope'
import { startNats, type RunningNats } from '@careseal/stack'
import { headers, type MsgHdrs } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headersOf } from './atomic-batch.js'
import { request } from './calls/request.js'
import { respond, type Responder } from './calls/respond.js'
import { connectNats, type NatsConnection } from './connection.js'
import { RemoteFailure } from './errors.js'
import { FakeProducer, ORIGIN } from './fake-producer.fixture.js'
import { publishEvents } from './publish.js'
import { readEvents, type EventReader } from './reader/event-reader.js'
import { readOwnEvents } from './reader/own-events.js'
import { ensureStreams } from './streams.js'

let nats: RunningNats
let nc: NatsConnection
let hostile: NatsConnection
let consent: FakeProducer
let responders: Responder[]
let readers: EventReader[]

beforeEach(async () => {
  nats = await startNats()
  nc = await connectNats({ url: nats.url, name: 'spec' })
  hostile = await connectNats({ url: nats.url, name: 'hostile' })
  await ensureStreams(nc, true)
  consent = new FakeProducer('consent')
  responders = []
  readers = []
})

afterEach(async () => {
  await Promise.all([...readers, ...responders].map((running) => running.stop()))
  await nc.close()
  await hostile.close()
  await nats.stop()
})

const subject = 'evt.consent.consent.consent-read'
const body = new TextEncoder().encode('{}')

const HOSTILE: Record<string, () => MsgHdrs> = {
  'a name that the client library refuses': () => headersOf({ 'no name': ['x'], é: ['x'] }),
  'the name of a prototype': () => headersOf(JSON.parse('{"__proto__":["x"],"constructor":["y"]}')),
  'a status that ends a consumer': () => headers(409, 'Consumer Deleted'),
  'a status that asks for an answer': () => headers(100, 'FlowControl Request'),
}

async function publishHostile(): Promise<void> {
  for (const make of Object.values(HOSTILE)) await hostile.request(subject, body, { headers: make(), timeout: 2000 })
}

describe('hostile headers', () => {
  // The producer answers nothing: what the reader has, it has from the stream.
  it('count as a missing event, and those after it are read', async () => {
    const [first, ...others] = consent.add(6)
    await publishHostile()
    await publishEvents(nc, [first!])
    const seen: number[] = []
    const reader = readEvents({
      nc,
      origin: ORIGIN,
      producers: { consent: { seq: 0, link: '' } },
      deliver: async (batch) => void seen.push(...batch.map(({ seq }) => seq)),
    })
    readers.push(reader)
    reader.start()
    await vi.waitFor(() => expect(seen).toEqual([1]), 5000)
    await publishHostile()
    await publishEvents(nc, others)
    await vi.waitFor(() => expect(seen).toEqual([1, 2, 3, 4, 5, 6]), 5000)
  })

  it('do not end the reading of what a producer published itself', async () => {
    const events = consent.add(3)
    await publishHostile()
    await publishEvents(nc, events)
    await publishHostile()
    const seen: number[] = []
    await readOwnEvents(nc, 'consent', ({ seq }) => void seen.push(seq))
    expect(seen).toEqual([1, 2, 3])
  })

  it.each(Object.keys(HOSTILE))('of a command leave it answered: %s', async (name) => {
    const head = { producer: 'identity', lastSeq: 0, lastLink: 'a'.repeat(64) } as const
    responders.push(respond(nc, 'identity', 'outbox-head', () => head))
    await nc.flush()
    const reply = await hostile.request('cmd.identity.outbox-head', '{}', { headers: HOSTILE[name]!(), timeout: 2000 })
    expect(reply.json()).toEqual(head)
    expect(await request(hostile, 'identity', 'outbox-head', {}, { deadlineMs: 2000 })).toEqual(head)
  })

  // The library looks at the headers of an answer that has no body.
  it.each(Object.keys(HOSTILE))('of an answer leave whoever asked connected: %s', async (name) => {
    hostile.subscribe('cmd.identity.outbox-head', {
      callback: (_error, message) => void message.respond('', { headers: HOSTILE[name]!() }),
    })
    await hostile.flush()
    const asked = request(nc, 'identity', 'outbox-head', {}, { deadlineMs: 2000 })
    await expect(asked).rejects.toThrow(RemoteFailure)
    expect(nc.isClosed()).toBe(false)
    expect((await nc.request('$JS.API.INFO', '')).data.length).toBeGreaterThan(0)
  })

  it('beside those of an event change nothing of it', async () => {
    const [event] = consent.add(1)
    const extended = { ...eventHeaders(event!), 'no name': ['x'] }
    await hostile.request(event!.subject, event!.body, { headers: headersOf(extended), timeout: 2000 })
    const seen: number[] = []
    await readOwnEvents(nc, 'consent', ({ seq }) => void seen.push(seq))
    expect(seen).toEqual([1])
  })
})
