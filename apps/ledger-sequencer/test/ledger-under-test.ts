// For specs: a ledger in its own folder on a shared Postgres, and sequencers that run in this process.
import { sha256 } from '@careseal/crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { initLedger } from '../src/genesis/init-ledger.js'
import { NO_POLICY } from '../src/cosigning/witness-policy.js'
import { loadHead } from '../src/database/head.js'
import { LedgerStatus } from '../src/ledger-status.js'
import { LedgerReader } from '../src/reading/ledger-reader.js'
import { loadPublished } from '../src/reading/published.js'
import { Signer } from '../src/signer/signer.js'
import { Sequencer } from '../src/sequencer.js'
import type { ReaderSetup, SequencerOptions } from '../src/sequencer-options.js'
import type { LedgerDatabase } from './ledger-database.js'
import { ORIGIN } from './raw-block.js'

export const PRODUCERS = ['audit', 'consent', 'records']

export type RunningSequencer = {
  sequencer: Sequencer
  /** Resolves when it writes, or was halted. */
  started: Promise<void>
  status: LedgerStatus
  /** Hands events over as the reader does. */
  deliver: ReaderSetup['deliver']
  /** Where the reader was asked to begin. */
  position: ReaderSetup['producers']
  since: ReaderSetup['since']
  freeze: ReaderSetup['onFrozen']
  /** Codes of what would have ended the process. */
  fatal: string[]
  published: number[]
}

export class LedgerUnderTest {
  private readonly running: RunningSequencer[] = []

  private constructor(
    readonly database: LedgerDatabase,
    readonly dir: string,
  ) {}

  static async begin(database: LedgerDatabase, operators: readonly string[] = []): Promise<LedgerUnderTest> {
    await database.reset()
    const dir = await mkdtemp(join(tmpdir(), 'careseal-signer-'))
    await initLedger({ dir, origin: ORIGIN, producers: PRODUCERS, operators, databaseUrl: database.url })
    return new LedgerUnderTest(database, dir)
  }

  async start(options: Partial<SequencerOptions> = {}): Promise<RunningSequencer> {
    const run = this.begin(options)
    await run.started
    return run
  }

  /** Does not wait until it writes: it may have to wait for others. */
  begin(options: Partial<SequencerOptions> = {}): RunningSequencer {
    const { database, dir } = this
    const status = new LedgerStatus()
    const fatal: string[] = []
    const published: number[] = []
    const setup: { current?: ReaderSetup } = {}
    const sequencer = new Sequencer({
      databaseUrl: database.url,
      openSigner: () => Signer.open(dir),
      origin: ORIGIN,
      leaseMs: 1_000,
      batchMax: 1_000,
      lingerMs: 1,
      checkpointIntervalMs: 10,
      checkpointIdleMs: 60_000,
      cosigning: { policy: NO_POLICY, deadlineMs: 500, onAnswer: () => {} },
      pool: database.pool,
      status,
      openReader: (asked) => {
        setup.current = asked
        return { start: () => {}, stop: async () => {}, position: () => asked.producers, reset: () => {} }
      },
      onConfirmed: () => {},
      onSealed: () => {},
      onEpoch: () => {},
      onSigned: () => {},
      onPublished: ({ size }) => published.push(size),
      onFatal: (reason) => fatal.push(reason.code),
      log: { info: () => {}, warn: () => {}, error: () => {} },
      ...options,
    })
    const started = sequencer.start()
    // Whoever waits for it hears of its failure.
    started.catch(() => {})
    const run: RunningSequencer = {
      sequencer,
      started,
      status,
      deliver: async (batch) => setup.current?.deliver(batch),
      get position() {
        return setup.current?.producers ?? {}
      },
      get since() {
        return setup.current?.since ?? new Date(Number.NaN)
      },
      freeze: (producer, reason) => setup.current?.onFrozen(producer, reason),
      fatal,
      published,
    }
    this.running.push(run)
    return run
  }

  head() {
    return loadHead(this.database.pool)
  }

  published() {
    return loadPublished(this.database.pool)
  }

  /** The signer's memory as it lies on disk. */
  async signed(): Promise<{ size: number; root: string }> {
    return JSON.parse(await readFile(join(this.dir, 'signer-state.json'), 'utf8')) as { size: number; root: string }
  }

  /** Resolves when that many entries of producers are sealed. */
  async sealed(leafCount: number): Promise<void> {
    await eventually(async () => (await this.leafCount()) >= leafCount)
  }

  async leafCount(): Promise<number> {
    const found = await this.database.pool.query<{ n: number }>(
      'SELECT sum(last_seq)::bigint AS n FROM producer_cursor',
    )
    return found.rows[0]?.n ?? 0
  }

  /** Every committed entry, as the reading side gives them. */
  async entries(): Promise<Uint8Array[]> {
    const reader = readerOf(this.database)
    const entries: Uint8Array[] = []
    for (let from: number | null = 0; from !== null;) {
      const page: Awaited<ReturnType<LedgerReader['entries']>> = await reader.entries(from, 1000)
      entries.push(...page.entries.map(({ bytes }) => Buffer.from(bytes, 'base64')))
      from = page.next
    }
    return entries
  }

  async end(): Promise<void> {
    for (const { sequencer, started } of this.running) {
      await sequencer.stop().catch(() => {})
      await started.catch(() => {})
    }
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** Reads a ledger that was found whole. */
export function readerOf({ pool }: LedgerDatabase): LedgerReader {
  const status = new LedgerStatus()
  status.foundWhole(0)
  return new LedgerReader(pool, sha256, status)
}

export async function eventually(holds: () => Promise<boolean> | boolean, deadlineMs = 10_000): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not happen in time')
    await delay(10)
  }
}
