// The writing side of the sequencer as the service runs it (lease, signer, blocks, checkpoints re-read from Postgres),
// fed by a producer in this process instead of the broker.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { inclusionProof, leafHash, verifyInclusion } from '@careseal/merkle'
import { runMigrations } from '@careseal/service-kit'
import { databaseUrl, provisionDatabase, startPostgres } from '@careseal/stack'
import { readingPool } from '../../../apps/ledger-sequencer/dist/database/connections.js'
import { NO_POLICY } from '../../../apps/ledger-sequencer/dist/cosigning/witness-policy.js'
import { loadHead } from '../../../apps/ledger-sequencer/dist/database/head.js'
import { initLedger } from '../../../apps/ledger-sequencer/dist/genesis/init-ledger.js'
import type { SealedBlock } from '../../../apps/ledger-sequencer/dist/appender/appender.js'
import { LedgerStatus } from '../../../apps/ledger-sequencer/dist/ledger-status.js'
import { migrations } from '../../../apps/ledger-sequencer/dist/migrations/index.js'
import { loadEntries } from '../../../apps/ledger-sequencer/dist/tree/block-rows.js'
import { StoredTree } from '../../../apps/ledger-sequencer/dist/tree/stored-tree.js'
import { Sequencer } from '../../../apps/ledger-sequencer/dist/sequencer.js'
import type { ReaderSetup, SequencerOptions } from '../../../apps/ledger-sequencer/dist/sequencer-options.js'
import { Signer } from '../../../apps/ledger-sequencer/dist/signer/signer.js'
import { treeCpuSecondsOf } from '../measuring/processes.js'
import { note, serve } from './child-host.js'
import { InProcessProducer } from './in-process-producer.js'

/** Ends when so many entries are sealed and `durationMsMin` is over, or at `durationMsMax`. */
export type SequencerRun = { entries: number; durationMsMin: number; durationMsMax: number; seed: string }

/** When `entries` of this run were signed: `ms` since the first was offered; CPU of the sequencer, its producer, Postgres. */
export type Mark = { entries: number; ms: number; cpuMicros: number; producerMicros: number; postgresMicros: number }
export type SequencerReport = {
  /** Entries that the ledger held before. */
  sizeBefore: number
  marks: Mark[]
  sealed: number
  sealedMs: number
  signedMs: number
  blocks: number
  latencies: Record<'block until COMMIT' | 'COMMIT until signed' | 'event loop late by', number[]>
}

/** Of proofs over the whole tree, at places all over it. */
export type ProofsReport = { size: number; builtMs: number[]; checkedMs: number[] }

const ORIGIN = 'bench.careseal.example/sequencer'
const PRODUCER = 'records'
/** As readEvents hands them over. */
const BATCH = 500
/** A mark when the ledger has grown by so much, but not before several checkpoints. */
const MARK_GROWTH = 0.2
const MARK_ENTRIES_MIN = 50_000
const LOOP_SAMPLE_MS = 10
const WARM_UP_PROOFS = 2_000
/** The service's own defaults. */
const SETTINGS = { leaseMs: 1_800, batchMax: 4_096, lingerMs: 10, checkpointIntervalMs: 100, checkpointIdleMs: 60_000 }

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
    proofs,
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
  private producerBefore = 0
  private postgresBefore = 0
  private sealed = 0
  private signed = 0
  private sealedMs = 0
  private blocks = 0
  private isEnding = false
  private lastTreeSize = 0
  private sizeBefore = 0
  private readonly unsigned: { treeSize: number; committedMs: number }[] = []
  private readonly commitMs: number[] = []
  private readonly signMs: number[] = []

  constructor(asked: SequencerRun) {
    this.asked = asked
  }

  async run(): Promise<SequencerReport> {
    const setup = Promise.withResolvers<ReaderSetup>()
    const sequencer = this.sequencer((asked) => {
      setup.resolve(asked)
      return { start: () => {}, stop: async () => {}, position: admitsNobody, reset: admitsNobody }
    })
    await sequencer.start()
    const feeding = this.feed(await setup.promise)
    const loop = new LoopWatch()
    await this.finished.promise
    const signedMs = performance.now() - this.started
    this.mark()
    const lateMs = loop.stop()
    await feeding
    await this.producer?.stop()
    await sequencer.stop()
    return { ...this.counts(), signedMs, latencies: this.latencies(lateMs) }
  }

  private counts() {
    const { sizeBefore, marks, sealed, sealedMs, blocks } = this
    return { sizeBefore, marks, sealed, sealedMs, blocks }
  }

  private latencies(lateMs: number[]): SequencerReport['latencies'] {
    return { 'block until COMMIT': this.commitMs, 'COMMIT until signed': this.signMs, 'event loop late by': lateMs }
  }

  private sequencer(openReader: SequencerOptions['openReader']): Sequencer {
    const pool = readingPool(prepared.url, { name: 'work', max: 4 })
    closers.push(() => pool.end())
    return new Sequencer({
      ...SETTINGS,
      databaseUrl: prepared.url,
      openSigner: () => Signer.open(prepared.signerDir),
      origin: ORIGIN,
      pool,
      status: new LedgerStatus(),
      openReader,
      onConfirmed: ({ treeSize }) => (this.sizeBefore = treeSize),
      onSealed: (block) => this.onSealed(block),
      cosigning: { policy: NO_POLICY, deadlineMs: 1_000, onAnswer: () => {} },
      onEpoch: () => {},
      onSigned: () => {},
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
    this.producerBefore = producer.cpuMicros
    this.postgresBefore = treeCpuSecondsOf(prepared.postgresPid)
    this.started = performance.now()
    this.mark()
    for (let done = 0; !this.isOver(done); done += BATCH) {
      await deliver(batch)
      batch = await producer.take()
    }
    this.isEnding = true
  }

  private isOver(done: number): boolean {
    const { entries, durationMsMin, durationMsMax } = this.asked
    const ms = performance.now() - this.started
    return ms > durationMsMax || (done >= entries && ms >= durationMsMin)
  }

  private onSealed({ leafCount, treeSize, seconds }: SealedBlock): void {
    this.sealed += leafCount
    this.blocks += 1
    this.sealedMs = performance.now() - this.started
    this.commitMs.push(seconds * 1000)
    this.unsigned.push({ treeSize, committedMs: performance.now() })
    this.lastTreeSize = treeSize
  }

  private mark(): void {
    const { user, system } = process.cpuUsage(this.cpuBefore)
    const producerMicros = (this.producer?.cpuMicros ?? 0) - this.producerBefore
    const mark: Mark = {
      entries: this.signed,
      ms: performance.now() - this.started,
      cpuMicros: user + system - producerMicros,
      producerMicros,
      postgresMicros: (treeCpuSecondsOf(prepared.postgresPid) - this.postgresBefore) * 1e6,
    }
    this.marks.push(mark)
    note(`${mark.entries} of ${this.asked.entries} entries signed after ${Math.round(mark.ms / 1000)} s`)
  }

  private onPublished(size: number): void {
    const now = performance.now()
    while (this.unsigned[0] && this.unsigned[0].treeSize <= size) {
      this.signMs.push(now - (this.unsigned.shift()?.committedMs ?? now))
    }
    this.signed = Math.max(this.signed, size - this.sizeBefore)
    const marked = this.marks.at(-1)?.entries ?? 0
    const step = Math.max(MARK_ENTRIES_MIN, (this.sizeBefore + marked) * MARK_GROWTH)
    if (this.signed >= marked + step) this.mark()
    const isWhole = this.isEnding && size >= this.lastTreeSize && size > 2
    // What is offered but in no block yet is sealed a moment later, and publishes again.
    if (isWhole) setTimeout(() => size >= this.lastTreeSize && this.finished.resolve(), 100)
  }
}

async function proofs(count: number): Promise<ProofsReport> {
  const pool = readingPool(prepared.url, { name: 'proofs', max: 2 })
  closers.push(() => pool.end())
  const { treeSize: size, root } = await loadHead(pool)
  // As the ledger serves them: tiles that were read once are kept.
  const tree = new StoredTree(pool, sha256, size, new Map())
  const report: ProofsReport = { size, builtMs: [], checkedMs: [] }
  for (let place = -WARM_UP_PROOFS; place < count; place++) {
    const index = (Math.abs(place) * 7_919_483) % size
    const [entry] = await loadEntries(pool, index, index + 1)
    const hash = leafHash(sha256, entry as Uint8Array)
    const started = performance.now()
    const proof = await inclusionProof(index, size, tree.rangeHash)
    const built = performance.now()
    if (!verifyInclusion(sha256, { index, size, leafHash: hash, proof, root })) throw new Error('a proof that is wrong')
    if (place < 0) continue
    report.checkedMs.push(performance.now() - built)
    report.builtMs.push(built - started)
  }
  return report
}

function admitsNobody(): never {
  throw new Error('no producer is admitted while it is measured')
}

/** How late the event loop comes to a timer: what a request over HTTP would wait at least. */
class LoopWatch {
  private readonly lateMs: number[] = []
  private dueMs = performance.now() + LOOP_SAMPLE_MS
  private readonly timer = setInterval(() => {
    const now = performance.now()
    this.lateMs.push(Math.max(0, now - this.dueMs))
    this.dueMs = now + LOOP_SAMPLE_MS
  }, LOOP_SAMPLE_MS)

  stop(): number[] {
    clearInterval(this.timer)
    return this.lateMs
  }
}
