// The writing side of the sequencer as the service runs it (lease, signer, blocks, checkpoints re-read from Postgres),
// fed by a producer in this process instead of the broker.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runMigrations } from '@careseal/service-kit'
import { databaseUrl, provisionDatabase, startPostgres } from '@careseal/stack'
import { readingPool } from '../../../apps/ledger-sequencer/dist/database/connections.js'
import { initLedger } from '../../../apps/ledger-sequencer/dist/genesis/init-ledger.js'
import { LedgerStatus } from '../../../apps/ledger-sequencer/dist/ledger-status.js'
import { migrations } from '../../../apps/ledger-sequencer/dist/migrations/index.js'
import { Sequencer, type ReaderSetup } from '../../../apps/ledger-sequencer/dist/sequencer.js'
import { treeCpuSecondsOf } from '../measuring/processes.js'
import { note, serve } from './child-host.js'
import { InProcessProducer } from './in-process-producer.js'

export type SequencerRun = { entries: number; durationMsMax: number; seed: string }

/** After `entries` leaves, `ms` since the first was offered; CPU of the sequencer (without its producer) and of Postgres. */
export type Mark = { entries: number; ms: number; cpuMicros: number; postgresMicros: number }
export type SequencerReport = { marks: Mark[]; sealed: number; sealedMs: number; signedMs: number; blocks: number }

const ORIGIN = 'bench.careseal.example/sequencer'
const PRODUCER = 'records'
/** As readEvents hands them over. */
const BATCH = 500
const MARKS = 20
/** The service's own defaults. */
const SETTINGS = { leaseMs: 1_800, batchMax: 4_096, lingerMs: 10, checkpointIntervalMs: 200, checkpointIdleMs: 60_000 }

const closers: (() => Promise<unknown> | void)[] = []
type Prepared = { url: string; adminUrl: string; postgresPid: number; signerDir: string }
let prepared: Prepared

serve(
  {
    async start() {
      const postgres = await startPostgres()
      closers.push(() => postgres.stop())
      const { ledger } = await provisionDatabase(postgres.url)
      await runMigrations({ url: ledger.ownerUrl, service: 'ledger', migrations })
      const signerDir = mkdtempSync(join(tmpdir(), 'careseal-signer-'))
      closers.push(() => rmSync(signerDir, { recursive: true, force: true }))
      await initLedger({ dir: signerDir, origin: ORIGIN, producers: [PRODUCER], databaseUrl: ledger.url })
      prepared = { url: ledger.url, adminUrl: databaseUrl(postgres.url), postgresPid: postgres.pid, signerDir }
      return { postgresUrl: prepared.adminUrl, roots: { postgres: postgres.pid, sequencer: process.pid } }
    },
    run: (asked: SequencerRun) => new Run(asked).run(),
  },
  async () => {
    for (const close of closers.toReversed()) await close()
  },
)

class Run {
  private readonly asked: SequencerRun
  private readonly marks: Mark[] = []
  private readonly finished = Promise.withResolvers<void>()
  private producer: InProcessProducer | undefined
  private started = 0
  private cpuBefore = process.cpuUsage()
  private postgresBefore = 0
  private sealed = 0
  private sealedMs = 0
  private blocks = 0
  private isEnding = false
  private lastTreeSize = 0

  constructor(asked: SequencerRun) {
    this.asked = asked
  }

  async run(): Promise<SequencerReport> {
    const setup = Promise.withResolvers<ReaderSetup>()
    const sequencer = this.sequencer((asked) => {
      setup.resolve(asked)
      return { start: () => {}, stop: async () => {} }
    })
    await sequencer.start()
    const feeding = this.feed(await setup.promise)
    await this.finished.promise
    const signedMs = performance.now() - this.started
    this.mark()
    await feeding
    await this.producer?.stop()
    await sequencer.stop()
    return { marks: this.marks, sealed: this.sealed, sealedMs: this.sealedMs, signedMs, blocks: this.blocks }
  }

  private sequencer(openReader: (setup: ReaderSetup) => { start: () => void; stop: () => Promise<void> }): Sequencer {
    const pool = readingPool(prepared.url, { name: 'work', max: 4 })
    closers.push(() => pool.end())
    return new Sequencer({
      ...SETTINGS,
      databaseUrl: prepared.url,
      signerStateDir: prepared.signerDir,
      origin: ORIGIN,
      pool,
      status: new LedgerStatus(),
      openReader,
      onConfirmed: () => {},
      onSealed: ({ leafCount, treeSize }) => this.onSealed(leafCount, treeSize),
      onPublished: ({ size }) => this.onPublished(size),
      onFatal: (reason) => this.finished.reject(reason),
      log: { info: () => {}, warn: () => {}, error: (facts, message) => note(`${message} ${JSON.stringify(facts)}`) },
    })
  }

  private async feed({ producers, deliver }: ReaderSetup): Promise<void> {
    const from = producers[PRODUCER] ?? { seq: 0, link: '' }
    const chain = { origin: ORIGIN, producer: PRODUCER, seed: this.asked.seed, batch: BATCH }
    const producer = new InProcessProducer({ ...chain, from })
    this.producer = producer
    let batch = await producer.take()
    this.cpuBefore = process.cpuUsage()
    this.postgresBefore = treeCpuSecondsOf(prepared.postgresPid)
    this.started = performance.now()
    this.mark()
    for (let done = 0; done < this.asked.entries && !this.isOver(); done += BATCH) {
      await deliver(batch)
      batch = await producer.take()
    }
    this.isEnding = true
  }

  private isOver(): boolean {
    return performance.now() - this.started > this.asked.durationMsMax
  }

  private onSealed(leafCount: number, treeSize: number): void {
    this.sealed += leafCount
    this.blocks += 1
    this.sealedMs = performance.now() - this.started
    this.lastTreeSize = treeSize
    const step = this.asked.entries / MARKS
    if (this.sealed >= (this.marks.at(-1)?.entries ?? 0) + step) this.mark()
  }

  private mark(): void {
    const { user, system } = process.cpuUsage(this.cpuBefore)
    const mark = {
      entries: this.sealed,
      ms: performance.now() - this.started,
      cpuMicros: user + system - (this.producer?.cpuMicros ?? 0),
      postgresMicros: (treeCpuSecondsOf(prepared.postgresPid) - this.postgresBefore) * 1e6,
    }
    this.marks.push(mark)
    note(`${mark.entries} of ${this.asked.entries} entries sealed after ${Math.round(mark.ms / 1000)} s`)
  }

  private onPublished(size: number): void {
    const isWhole = this.isEnding && size >= this.lastTreeSize && size > 2
    // What is offered but in no block yet is sealed a moment later, and publishes again.
    if (isWhole) setTimeout(() => size >= this.lastTreeSize && this.finished.resolve(), 100)
  }
}
