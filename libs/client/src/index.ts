export type { BrokerOptions } from './connection.js'
export { consume } from './consume/consume.js'
export type { ConsumeOptions, EventOf } from './consume/options.js'
export type { Consumer, ConsumerStatus, Trouble } from './consume/consumer.js'
export type { EventContext } from './consume/handling.js'
export { positionFile, type PositionStore } from './consume/position.js'
export { httpClient, HttpFailure, type HttpClient, type HttpClientOptions, type Route } from './http/http-client.js'
export { ledgerHeads } from './ledger/ledger-heads.js'
export { proveLeaves, type ProofOptions } from './ledger/prove-leaves.js'
export { verifyReceipt, type Receipt, type ReceiptVerdict, type TrustedBy } from './receipts.js'
export {
  DeadLetter,
  HandlerTimeout,
  InvalidOption,
  NotGranted,
  PositionUnreadable,
  ProducerContradicts,
  ServiceFailed,
  Stopped,
} from './failures.js'
export { incarnationOf, type EventBody, type EventType, type Incarnation } from '@careseal/contracts'
export type { LedgerEvent, Position, ProducerPosition } from '@careseal/event-envelope'
