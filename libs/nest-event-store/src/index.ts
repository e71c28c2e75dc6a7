export { deploymentIdOf, EventStoreModule } from './event-store.module.js'
export { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from './event-store.options.js'
export { LedgerClient } from './ledger/ledger.client.js'
export { Receipts, type ReceiptResult } from './ledger/receipts.service.js'
export { EventTransactions } from './producer/event-transactions.service.js'
export { OpenLeaf, type AuthoriseOpening } from './producer/open-leaf.service.js'
export { ProducerGuard, type ProducerState } from './producer/producer-guard.service.js'
export { RelayService } from './producer/relay.service.js'
export {
  projectionReader,
  ProjectionModule,
  type Projection,
  type ProjectionFeature,
} from './projection/projection.module.js'
export { ProjectionReader } from './projection/projection-reader.js'
export { subjectsOfLostLeaves } from './recovery/lost-tags.js'
export { recoverFromCommandLine, type RecoveryTools } from './recovery/recover-command.js'
export {
  recoverProducer,
  RecoveryRefused,
  type RecoveredChain,
  type Recovery,
  type RecoveryModel,
  type RecoveryReport,
} from './recovery/recover-producer.js'
export { AdmissionRefused, RecoveryLedger } from './recovery/recovery-ledger.js'
