// What the writing side is given: its settings, its parts, and whom it tells.
import type { EventReader, LedgerEvent, Position } from '@careseal/messaging'
import type { Pool } from 'pg'
import type { SealedBlock } from './appender/appender.js'
import type { PublishedCheckpoint } from './checkpointer/checkpointer.js'
import type { CosigningOptions } from './cosigning/cosigning.js'
import type { Fatal } from './fatal.js'
import type { LedgerStatus } from './ledger-status.js'
import type { LogSigner, Tombstones } from './signer/log-signer.js'

export type ReaderSetup = {
  origin: string
  producers: Position
  /** What the stream has from before is sealed, or is fetched from its producer. */
  since: Date
  deliver: (batch: readonly LedgerEvent[]) => Promise<void>
  onFrozen: (producer: string, reason: string) => void
}

export type SealingReader = Pick<EventReader, 'start' | 'stop' | 'position' | 'reset'>

/** What the signer keeps for services, from when this process holds the lease and the signer has confirmed the head. */
export type SignerMemory = { tombstones: Tombstones; producers: readonly string[] }

export type SequencerOptions = {
  databaseUrl: string
  openSigner: () => Promise<LogSigner>
  origin: string
  leaseMs: number
  batchMax: number
  lingerMs: number
  checkpointIntervalMs: number
  checkpointIdleMs: number
  /** Who co-signs. */
  cosigning: CosigningOptions
  /** For all that is not the append itself. */
  pool: Pool
  status: LedgerStatus
  openReader: (setup: ReaderSetup) => SealingReader
  onConfirmed: (head: { height: number; treeSize: number }, signer: SignerMemory) => void
  onSealed: (block: SealedBlock) => void
  onEpoch: (epoch: number) => void
  onSigned: (size: number) => void
  onPublished: (checkpoint: PublishedCheckpoint) => void
  /** The process has to end: what it knows may be wrong. */
  onFatal: (reason: Fatal) => void
  log: Record<'info' | 'warn' | 'error', (facts: object, message: string) => void>
}
