// The sequencer in the life of the process: it starts once HTTP can answer probes, for it may wait long for the lease.
import { publishNotice, readEvents, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import type { Pool } from 'pg'
import type { PlacedAdmin } from '@careseal/ledger-core'
import type { AdminOutcome } from './admission/admin-desk.js'
import type { SealedBlock } from './appender/appender.js'
import type { PublishedCheckpoint } from './checkpointer/checkpointer.js'
import type { SequencerConfig } from './config.js'
import { untilDatabaseAnswers } from './database/connections.js'
import {
  checkpointPublished,
  checkpointSigned,
  committed,
  expectWitnesses,
  headAt,
  ledgerMetrics,
  watch,
  witnessAnswered,
} from './ledger-metrics.js'
import { LedgerStatus } from './ledger-status.js'
import { Sequencer } from './sequencer.js'
import type { ReaderSetup, SequencerOptions } from './sequencer-options.js'
import { openSigner } from './signer/open-signer.js'
import { answerForTombstones, type TombstoneDesk } from './signer/tombstone-desk.js'
import { LEAF_BYTES } from './tree/block-rows.js'

export const SEQUENCER_CONFIG = Symbol('sequencer config')
/** Pool of starts and checkpoints; whoever reads over HTTP has another. */
export const WORK_POOL = Symbol('work pool')

@Injectable()
export class SequencerService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('Sequencer')
  private readonly sequencer: Sequencer
  private desk: TombstoneDesk | undefined
  private readonly stopping = new AbortController()

  constructor(
    @Inject(SEQUENCER_CONFIG) private readonly config: SequencerConfig,
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(WORK_POOL) private readonly pool: Pool,
    status: LedgerStatus,
  ) {
    this.sequencer = new Sequencer(this.options(status))
    status.onHalt(({ code }) => {
      ledgerMetrics.halted.set({ code }, 1)
      if (code === 'rollback-detected') ledgerMetrics.rollback.set(1)
    })
    ledgerMetrics.rollback.set(0)
    expectWitnesses(config.LEDGER_POLICY_FILE.witnesses.map(({ name }) => name))
    watch({
      unsealedSince: () => this.sequencer.unsealedSince,
      signerSilentSince: () => status.signerSilence?.since.getTime(),
      waitingFor: () => status.waitingFor,
    })
  }

  onApplicationBootstrap(): void {
    void this.begin().catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.exit(error, 'the sequencer did not start')
    })
  }

  // A database that is just being started is no reason to end, and to be started anew ever later.
  private async begin(): Promise<void> {
    const onSilence = (error: unknown) => this.logger.warn({ err: error }, 'waiting for the database')
    await untilDatabaseAnswers(this.pool, { signal: this.stopping.signal, onSilence })
    await this.sequencer.start()
  }

  submit(request: PlacedAdmin): Promise<AdminOutcome | null> {
    return this.sequencer.submit(request)
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort()
    await this.desk?.stop()
    await this.sequencer.stop()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }

  private options(status: LedgerStatus): SequencerOptions {
    const { config, pool, logger } = this
    return {
      databaseUrl: config.DATABASE_URL,
      openSigner: () => openSigner(config),
      origin: config.LEDGER_ORIGIN,
      leaseMs: config.LEDGER_LEASE_MS,
      batchMax: Math.min(config.BLOCK_ENTRIES_MAX, Math.floor(config.BLOCK_BYTES_MAX / LEAF_BYTES)),
      lingerMs: config.BLOCK_LINGER_MS,
      checkpointIntervalMs: config.CHECKPOINT_INTERVAL_MS,
      checkpointIdleMs: config.CHECKPOINT_IDLE_MS,
      cosigning: {
        policy: config.LEDGER_POLICY_FILE,
        deadlineMs: config.COSIGN_DEADLINE_MS,
        onAnswer: witnessAnswered,
      },
      pool,
      status,
      openReader: (setup) => this.openReader(setup, status),
      onConfirmed: ({ height, treeSize }, memory) => {
        headAt({ height, treeSize })
        this.desk = answerForTombstones(this.nats, memory, (code) => logger.warn({ code }, 'tombstones were not kept'))
      },
      onSealed: (block) => this.onSealed(block),
      onEpoch: (epoch) => ledgerMetrics.epoch.set(epoch),
      onSigned: checkpointSigned,
      onPublished: (checkpoint) => this.onPublished(checkpoint),
      onFatal: (reason) => this.exit(reason, 'the sequencer ends'),
      log: {
        info: (facts, message) => logger.log(facts, message),
        warn: (facts, message) => logger.warn(facts, message),
        error: (facts, message) => logger.error(facts, message),
      },
    }
  }

  private openReader(setup: ReaderSetup, status: LedgerStatus) {
    const countFrozen = () => ledgerMetrics.frozenProducers.set(status.frozen.size)
    countFrozen()
    return readEvents({
      nc: this.nats,
      ...setup,
      onFrozen: (producer, reason) => {
        setup.onFrozen(producer, reason)
        countFrozen()
      },
      onTrouble: ({ kind, producer, error }) => {
        const { code, name } = error as { code?: string; name?: string }
        this.logger.warn({ kind, producer, code: code ?? name }, 'reading events')
      },
    })
  }

  private onSealed(block: SealedBlock): void {
    const { height, treeSize, hash, leafCount, seconds } = block
    committed({ height, treeSize })
    ledgerMetrics.blockSeconds.observe(seconds)
    ledgerMetrics.entriesPerBlock.observe(leafCount)
    publishNotice(this.nats, 'ledger.block-sealed', { height, treeSize, headerHash: hexOf(hash) })
  }

  private onPublished({ size, root, witnesses }: PublishedCheckpoint): void {
    checkpointPublished(size, witnesses)
    publishNotice(this.nats, 'ledger.checkpoint-published', { size, root: hexOf(root) })
  }

  // Nothing is given back or finished: what this process believes may be wrong. The supervisor starts it anew.
  private exit(error: unknown, message: string): void {
    this.logger.fatal({ err: error }, message)
    process.exit(1)
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
