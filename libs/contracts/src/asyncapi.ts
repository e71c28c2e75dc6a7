// The catalogue of events for those who consume them: AsyncAPI 3.1 made from the zod schemas, never written by hand.
import { eventBodyJsonSchema, jsonSchema, type Json } from './event-json-schema.js'
import { sampleEvent } from './event-sample.js'
import { EVENT_TYPES, producerOf, subjectOf, type EventType } from './events.js'
import { NOTICES } from './notices.js'

const HEADERS: Json = {
  type: 'object',
  required: ['ce-id', 'ce-source', 'ce-type', 'ce-specversion', 'ledger-seq', 'ledger-link', 'ledger-tag'],
  properties: {
    'ce-id': { type: 'string', format: 'uuid', description: 'id of the event; dedupe by it' },
    'ce-source': { type: 'string', description: 'the producer' },
    'ce-type': { type: 'string' },
    'ce-specversion': { const: '1.0' },
    'ce-time': { type: 'string', format: 'date-time' },
    'ce-datacontenttype': { type: 'string' },
    'ledger-seq': { type: 'string', description: "place in the producer's gapless chain, from 1" },
    'ledger-link': { type: 'string', description: 'SHA-256(previous link ‖ leaf hash), hex' },
    'ledger-tag': { type: 'string', description: 'pseudonym of the leaf, hex' },
    'ledger-commitment': { type: 'string', description: 'HMAC of the body under its opening, hex' },
    traceparent: { type: 'string' },
    'Nats-Msg-Id': { type: 'string', description: '<producer>:<seq>' },
  },
}

/** AsyncAPI 3.1 document of all events and notices. The same input gives the same document. */
export function asyncApi(version: string): Json {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Careseal events',
      version,
      description:
        'CloudEvents 1.0 in binary mode over NATS JetStream. Bodies hold ids, times and codes, never health data.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: { ...Object.fromEntries(EVENT_TYPES.map(eventChannel)), ...Object.fromEntries(noticeChannels()) },
    operations: Object.fromEntries(EVENT_TYPES.map(eventOperation)),
    components: {
      messages: { ...Object.fromEntries(EVENT_TYPES.map(eventMessage)), ...Object.fromEntries(noticeMessages()) },
    },
  }
}

function eventChannel(type: EventType): [string, Json] {
  return [
    type,
    {
      address: subjectOf(type),
      messages: { [type]: { $ref: `#/components/messages/${type}` } },
      'x-jetstream': { stream: 'EVENTS' },
    },
  ]
}

function eventOperation(type: EventType): [string, Json] {
  return [
    `publish${type}`,
    { action: 'send', channel: { $ref: `#/channels/${type}` }, tags: [{ name: producerOf(type) }] },
  ]
}

function eventMessage(type: EventType): [string, Json] {
  const payload = eventBodyJsonSchema(type)
  const message = { name: type, title: payload['title'], headers: HEADERS, payload }
  return [type, { ...message, examples: [{ payload: sampleEvent(type) }] }]
}

function noticeChannels(): [string, Json][] {
  return Object.keys(NOTICES).map((subject) => [
    subject,
    { address: subject, messages: { [subject]: { $ref: `#/components/messages/${subject}` } } },
  ])
}

function noticeMessages(): [string, Json][] {
  return Object.entries(NOTICES).map(([subject, schema]) => [subject, { name: subject, payload: jsonSchema(schema) }])
}
