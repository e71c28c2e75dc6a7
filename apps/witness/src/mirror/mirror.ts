// Pulls all entries of co-signed checkpoints, verifies them as a whole ledger, and keeps them for whoever asks. So the
// history is still there when the log is not, and a rolled-back log is told from a mistaken one.
import { verifyEd25519 } from '@careseal/cosigner'
import { sha256 } from '@careseal/crypto'
import { evidenceAgainst, parseVkey, verifyLedger, type AdmittedCheckpoint } from '@careseal/ledger-core'
import { consistencyProof, equalHashes, foldPerfect, nodeTile, rangeHashFrom, type Hash } from '@careseal/merkle'
import { setTimeout as delay } from 'node:timers/promises'
import type { LogConfig } from '../config.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import { signedTreeOf, type Witnessed } from '../state/log-memory.js'
import type { PastJudgement } from '../witness.js'
import { LogSource } from './log-source.js'
import type { MirrorFolder, MirrorState } from './mirror-folder.js'
import { TileWriter } from './tile-writer.js'

/** A log that is to be mirrored. */
export type MirroredLog = LogConfig & { mirror: NonNullable<LogConfig['mirror']> }

export type MirrorOptions = {
  config: MirroredLog
  folder: MirrorFolder
  /** What the witness co-signed last. */
  cosigned: () => Witnessed
  metrics: Metrics
  log: Log
}

/** The log's entries are not those that it signed. */
export class EntriesRefused extends Error {
  override readonly name = 'EntriesRefused'
}

export class Mirror {
  private readonly stopping = new AbortController()
  private readonly source: LogSource
  private running: Promise<void> = Promise.resolve()
  /** False after entries were refused: then what an earlier pull left is not read again, but fetched anew. */
  private isKeptUsed = true

  constructor(private readonly options: MirrorOptions) {
    this.source = new LogSource(options.config.mirror.url, this.stopping.signal)
    this.tell()
  }

  /** The checkpoint up to which every tile is here; null before the first pull. */
  get state(): MirrorState | null {
    return this.options.folder.state
  }

  start(): void {
    this.running = this.run()
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  /** Brings the mirror up to a co-signed checkpoint. Rejects when the log does not serve it, or serves other entries. */
  async pull({ size, time, note }: Witnessed): Promise<void> {
    const { folder, config } = this.options
    if (note === null || size <= folder.size) return
    const writer = await TileWriter.from(folder)
    const kept = this.isKeptUsed ? (index: number) => folder.kept(index) : undefined
    const entries = writer.through(this.source.entries(folder.size, size, kept))
    const from = folder.state ? { from: folder.state.verified } : {}
    const trust = { logVkeys: config.vkeys }
    const verdict = await verifyLedger({ entries, checkpoint: note }, { sha256, verifyEd25519, trust, ...from })
    this.isKeptUsed = verdict.ok
    if (!verdict.ok) throw new EntriesRefused(JSON.stringify(verdict.fault))
    await writer.finish()
    await folder.replaceState({ size, time, note, verified: verdict.state })
    this.tell()
  }

  /** Whether a smaller checkpoint is of the history that is mirrored here; null where that cannot be told. */
  async judgePast(admitted: AdmittedCheckpoint): Promise<PastJudgement> {
    const { state } = this
    const { size, root } = admitted.checkpoint
    if (state === null || size === 0 || size >= state.size) return null
    const rangeHash = rangeHashFrom(sha256, (level, index) => this.node(level, index))
    const olderRoot = await rangeHash(0, size)
    if (equalHashes(olderRoot, root)) return 'same-history'
    const proof = await consistencyProof(size, state.size, rangeHash)
    const newer = signedTreeOf(state)!
    const vkeys = this.options.config.vkeys.map((text) => parseVkey(sha256, text))
    return evidenceAgainst(vkeys, { older: admitted, newer, proof, olderRoot }, { sha256 })
  }

  // One interval behind: by then the log has published what it had co-signed. A pull that took longer than that goes on
  // at once; one that failed is tried again after an interval, from the bundles that it fetched.
  private async run(): Promise<void> {
    const { signal } = this.stopping
    const intervalMs = this.options.config.mirror.intervalSeconds * 1000
    let target = this.options.cosigned()
    let nextAt = performance.now() + intervalMs
    while (!signal.aborted) {
      await delay(Math.max(0, nextAt - performance.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const next = this.options.cosigned()
      nextAt = performance.now() + intervalMs
      const isPulled = await this.pulled(target)
      if (!isPulled) nextAt = performance.now() + intervalMs
      target = next
    }
  }

  private async pulled(target: Witnessed): Promise<boolean> {
    try {
      await this.pull(target)
      return true
    } catch (error) {
      this.failed(error)
      return false
    }
  }

  private failed(error: unknown): void {
    if (this.stopping.signal.aborted) return
    const { metrics, log, config } = this.options
    const alarm = error instanceof EntriesRefused
    metrics.add('witness_mirror_failures_total', { origin: config.origin, reason: alarm ? 'refused' : 'unavailable' })
    log(alarm ? 'error' : 'warn', 'the log could not be mirrored', { alarm, origin: config.origin, error })
  }

  private async node(level: number, index: number): Promise<Hash> {
    const { tileLevel, tileIndex, first, count } = nodeTile(level, index)
    const hashes = await this.options.folder.hashes(tileLevel, tileIndex)
    return foldPerfect(sha256, hashes.slice(first, first + count))
  }

  private tell(): void {
    const { metrics, folder, config } = this.options
    metrics.set('witness_mirrored_size', folder.size, { origin: config.origin })
  }
}
