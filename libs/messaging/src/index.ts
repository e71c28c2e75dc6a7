export * from './access/nats-config.js'
export * from './access/outside-consumer.js'
export * from './access/permissions.js'
export * from './calls/call-service.js'
export * from './calls/guard.js'
export { ask, request, type RequestOptions } from './calls/request.js'
export * from './calls/respond.js'
export * from './connect-patiently.js'
export * from './connection.js'
export * from './errors.js'
export {
  agreesWithBody,
  decodeHeaderValue,
  encodeHeaderValue,
  eventHeaders,
  agreedBody,
  headersIn,
  producerIn,
  subjectMatches,
  type HeaderRecord,
  type LedgerEvent,
  type OutgoingEvent,
  type Position,
  type ProducerPosition,
} from '@careseal/event-envelope'
export * from './notices.js'
export * from './publish.js'
export * from './reader/event-reader.js'
export { readOwnEvents, type Candidate } from './reader/own-events.js'
export * from './streams.js'
