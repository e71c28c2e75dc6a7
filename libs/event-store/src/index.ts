export { deletePrivateParts } from './erasing.js'
export { eventStoreSql } from './event-store-schema.js'
export { EventStore, type EventStoreOptions } from './event-store.js'
export {
  VersionConflict,
  type AcquireKeys,
  type AcquireKeyVersions,
  type AppendedEvent,
  type NewEvent,
  type OpenedEvent,
  type OpenRejection,
  type StoredEvent,
} from './event.js'
export {
  beginIdempotent,
  finishIdempotent,
  IdempotencyMismatch,
  purgeIdempotency,
  type IdempotentAnswer,
  type IdempotentRequest,
} from './idempotency.js'
export { currentProducer } from './incarnation.js'
export { leafIndexOf, leafStateOf, waitingAges, type LeafIndex, type LeafState } from './leaves.js'
export { ensureRelayHead, numberOutbox, type NumberedEvent } from './numbering.js'
export { linkAt, lostSubject, outboxHead, replayOutbox, type OutboxHead } from './outbox.js'
export {
  ProjectionGap,
  ProjectionRunner,
  type ChainedEvent,
  type ProjectionOptions,
  type ProjectionPosition,
  type RebuildOptions,
} from './projection-runner.js'
export { openEvents, type OpeningOptions } from './opening.js'
export { Relay, type RelayOptions } from './relay.js'
export { retryOnConflict } from './retry.js'
export { LedgerInconsistent, SealFollower, type SealFollowerOptions } from './seal-follower.js'
export { ask, transaction, type Queryable, type Tx } from './transaction.js'
export { withConnection } from './with-connection.js'
export { WorkLoop, type WorkLoopOptions } from './work-loop.js'
export {
  ChainDiverges,
  planRecovery,
  type PublishedEvent,
  type RecoveredLeaf,
  type SealedLeaf,
} from './recovery/plan-recovery.js'
export {
  beginIncarnation,
  lastKnownSeq,
  restoreChain,
  waitingEvents,
  type RestoredEvent,
} from './recovery/restore-chain.js'
