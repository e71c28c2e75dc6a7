// The witness: co-signs what continues the largest checkpoint that it co-signed before, and nothing else. What it answers
// with 200 is durable by then; what contradicts its memory is kept as evidence where evidence is possible.
import type { SigningKey, SwapOutcome, TreeMemory } from '@careseal/cosigner'
import { sha256, utf8 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import {
  addSignatureLines,
  admitCheckpoint,
  cosigner,
  evidenceAgainst,
  formatNote,
  formatSignatureLine,
  parseNote,
  parseVkey,
  refusalOf,
  verifierOf,
  type AddCheckpointRefusal,
  type AdmittedCheckpoint,
  type Evidence,
  type KnownTree,
  type NoteVerifier,
  type SignedTree,
  type Vkey,
} from '@careseal/ledger-core'
import { equalHashes } from '@careseal/merkle'
import type { LogConfig } from './config.js'
import { RateLimit } from './rate-limit.js'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import type { EvidenceStore } from './state/evidence-store.js'
import { signedTreeOf, type Witnessed } from './state/log-memory.js'
import { originHash } from './state/state-folder.js'

/** `lines` are the witness's own cosignatures, one a key. */
export type Cosigned = { status: 200; lines: string }
export type AddCheckpointAnswer = Cosigned | AddCheckpointRefusal

/**
 * What a mirror says of a checkpoint that is smaller than what it holds: that it is of the same history, evidence that it
 * is of another, or null when it can tell neither.
 */
export type JudgePast = (admitted: AdmittedCheckpoint) => Promise<PastJudgement>
export type PastJudgement = 'same-history' | Evidence | null

export type WitnessOptions = {
  keys: readonly SigningKey[]
  logs: readonly { config: LogConfig; memory: TreeMemory<Witnessed> }[]
  evidence: EvidenceStore
  metrics: Metrics
  log: Log
  /** Seconds since 1970. */
  now: () => number
}

type WitnessedLog = {
  origin: string
  vkeys: Vkey[]
  verifiers: NoteVerifier[]
  memory: TreeMemory<Witnessed>
  /** What was co-signed last: durable, as memory alone need not be after a failed write. */
  cosigned: Witnessed
  judgePast: JudgePast | null
  /** The newest that were co-signed in this process, oldest first: they may come late, and are judged without a mirror. */
  recent: Witnessed[]
  reports: RateLimit
}

const RECENT_MAX = 64
/** Log lines of one log about what was refused. What goes beyond is counted and not told. */
const REPORTS_PER_MINUTE = 30

export class Witness {
  private readonly logs: Map<string, WitnessedLog>
  private isStoreWell = true

  constructor(private readonly options: WitnessOptions) {
    this.logs = new Map(options.logs.map(({ config, memory }) => [config.origin, witnessedLog(config, memory)]))
    for (const log of this.logs.values()) this.tell(log)
    options.metrics.set('witness_evidence', options.evidence.count)
  }

  /** False after a write of the memory failed, until one succeeds. */
  get isHealthy(): boolean {
    return this.isStoreWell
  }

  /** The checkpoint that was co-signed last, with the log's and the witness's signatures; null when there is none. */
  async checkpoint(hash: string): Promise<string | null> {
    const log = this.byHash(hash)
    return log ? this.noteOf(log.cosigned) : null
  }

  /** What was co-signed once, with all signatures: of nothing else may this be asked. Null before the first. */
  async noteOf({ time, note }: Pick<Witnessed, 'time' | 'note'>): Promise<string | null> {
    return note === null ? null : addSignatureLines(note, await this.cosign({ time, note }))
  }

  /** What was co-signed last of a log; size 0 before the first. */
  cosigned(origin: string): Witnessed {
    return this.known(origin).cosigned
  }

  /** From now on asked about checkpoints that are smaller than the co-signed one. */
  setJudgePast(origin: string, judge: JudgePast): void {
    this.known(origin).judgePast = judge
  }

  /** Rejects when the memory could not be made durable: then nothing was signed. */
  async addCheckpoint(body: Uint8Array): Promise<AddCheckpointAnswer> {
    const admission = await admitCheckpoint(body, (origin) => this.logs.get(origin)?.verifiers)
    const answer = 'refused' in admission ? admission.refused : await this.swap(admission.admitted)
    const code = answer.status === 200 ? 'co-signed' : answer.code
    this.options.metrics.add('witness_answers_total', { status: String(answer.status), code })
    return answer
  }

  private async swap(admitted: AdmittedCheckpoint): Promise<AddCheckpointAnswer> {
    const { oldSize, proof, checkpoint } = admitted
    const log = this.known(checkpoint.origin)
    const request = { oldSize, proof, size: checkpoint.size, root: checkpoint.root }
    const outcome = await this.watched(
      log.memory.swap(request, (known, accepted) => this.next(known, accepted, admitted)),
    )
    if (!('remembered' in outcome)) {
      const refusal = refusalOf(outcome)
      await this.examine(log, admitted, refusal)
      return refusal
    }
    log.cosigned = outcome.remembered
    log.recent = [...log.recent.slice(1 - RECENT_MAX), log.cosigned]
    this.tell(log)
    const { time, note } = outcome.remembered
    return { status: 200, lines: await this.cosign({ time, note: note! }) }
  }

  // What was parsed is written again; signatures that were not verified are left out. Time stands still rather than go back.
  private next(known: Witnessed, accepted: KnownTree, { text, signatures }: AdmittedCheckpoint): Witnessed {
    const time = Math.max(this.options.now(), known.time, 1)
    return { ...accepted, time, note: formatNote({ text, signatures }) }
  }

  // Only what was made durable says that the store is well: a refusal has written nothing.
  private async watched(work: Promise<SwapOutcome<Witnessed>>): Promise<SwapOutcome<Witnessed>> {
    try {
      const outcome = await work
      if ('remembered' in outcome) this.isStoreWell = true
      return outcome
    } catch (error) {
      this.isStoreWell = false
      this.options.metrics.add('witness_store_failures_total')
      throw error
    }
  }

  /** The same time, text and keys give the same lines, byte for byte (Ed25519 draws no random numbers). */
  private async cosign({ time, note }: { time: number; note: string }): Promise<string> {
    const { text } = parseNote(note)
    let lines = ''
    for (const { vkey, sign } of this.options.keys) {
      const signature = await cosigner(vkey, time, sign).sign(utf8(text))
      lines += formatSignatureLine({ name: vkey.name, keyId: vkey.keyId, signature })
    }
    return lines
  }

  /** A log signed what was refused: evidence where that can be, else a report. Never changes the answer. */
  private async examine(log: WitnessedLog, admitted: AdmittedCheckpoint, refusal: AddCheckpointRefusal): Promise<void> {
    const judged = await this.judged(log, admitted).catch((error: unknown) => {
      this.options.log('error', 'a refused checkpoint could not be examined', { alarm: true, error })
      return null
    })
    if (judged !== null && judged !== 'same-history') return this.keep(log, judged)
    const { origin, memory, reports } = log
    if (refusal.status === 409 && (judged !== null || admitted.checkpoint.size > memory.known.size)) return
    this.options.metrics.add('witness_refused_checkpoints_total', { origin, code: refusal.code })
    if (reports.take('') !== null) return
    const note = formatNote(admitted)
    const facts = { alarm: true, origin, code: refusal.code, cosigned: memory.known.note, refused: note }
    this.options.log('warn', 'a log signed a checkpoint that does not continue the co-signed one', facts)
  }

  private async judged(
    { vkeys, memory, recent, judgePast }: WitnessedLog,
    admitted: AdmittedCheckpoint,
  ): Promise<PastJudgement> {
    const { size, root } = admitted.checkpoint
    const known = signedTreeOf(memory.known)
    if (known === null) return null
    if (size > known.checkpoint.size) {
      return evidenceAgainst(vkeys, { older: known, newer: admitted, proof: admitted.proof }, { sha256 })
    }
    const same = size === known.checkpoint.size ? known : signedAt(recent, size)
    if (size === 0 || (same && equalHashes(same.checkpoint.root, root))) return 'same-history'
    const evidence = same && evidenceAgainst(vkeys, { older: same, newer: admitted, proof: [] }, { sha256 })
    return evidence ?? (await judgePast?.(admitted)) ?? null
  }

  private async keep({ origin, reports }: WitnessedLog, evidence: Evidence): Promise<void> {
    const { evidence: store, metrics, log } = this.options
    metrics.add('witness_refused_checkpoints_total', { origin, code: 'evidence' })
    const facts = { alarm: true, origin, kind: evidence.kind }
    try {
      const id = await store.add(evidence)
      metrics.set('witness_evidence', store.count)
      if (id !== null) log('error', 'a log signed two histories', { ...facts, evidence: id })
      // Nothing new is proven by it: the line holds all of it, as long as there are not too many.
      else if (reports.take('') === null) log('error', 'a log signed two histories once more', { ...facts, evidence })
    } catch (error) {
      // It must not be lost with the disk: the line holds all of it.
      log('error', 'evidence of two histories could not be stored', { ...facts, error, evidence })
    }
  }

  private tell({ origin, cosigned: { size, time } }: WitnessedLog): void {
    this.options.metrics.set('witness_cosigned_size', size, { origin })
    this.options.metrics.set('witness_cosigned_time_seconds', time, { origin })
  }

  private known(origin: string): WitnessedLog {
    return this.logs.get(origin)!
  }

  private byHash(hash: string): WitnessedLog | undefined {
    return [...this.logs.values()].find(({ origin }) => originHash(origin) === hash)
  }
}

function witnessedLog({ origin, vkeys: texts }: LogConfig, memory: TreeMemory<Witnessed>): WitnessedLog {
  const vkeys = texts.map((text) => parseVkey(sha256, text))
  const verifiers = vkeys.map((vkey) => verifierOf(vkey, verifyEd25519)).filter((each) => each !== null)
  const reports = new RateLimit(REPORTS_PER_MINUTE, () => performance.now())
  return { origin, vkeys, verifiers, memory, cosigned: memory.known, judgePast: null, recent: [], reports }
}

function signedAt(cosigned: readonly Witnessed[], size: number): SignedTree | null {
  const found = cosigned.findLast((one) => one.size === size)
  return found ? signedTreeOf(found) : null
}
