// Verifies a whole ledger, as a stream: nobody has to be trusted but the keys that sign its checkpoint.
import { equalHashes } from '@careseal/merkle'
import { isApproved } from './approval.js'
import type { Admin, Genesis, Header } from './entry.js'
import { LedgerFault, LedgerVerifier, type FaultCode, type Place, type VerifiedState } from './ledger-verifier.js'
import { CheckpointRefused, verifyCheckpoint, type Primitives, type Trust, type TrustedCheckpoint } from './trust.js'

export type LedgerSource = {
  /** The bytes of all entries in order: from entry 0, or from the end of the state that one goes on from. */
  entries: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  /** The signed checkpoint; null verifies the entries against themselves alone. */
  checkpoint: string | null
}

export type VerifyLedgerOptions = Primitives & {
  /** Whose checkpoints count. Without it the log keys of the genesis do, which proves only that the ledger is whole. */
  trust?: Trust
  /** Goes on from an earlier verification's `state` instead of entry 0. */
  from?: VerifiedState
  /** Hears of every verified block, for progress. */
  onBlock?: (header: Header) => void
}

/** The first fault; `detail` says why a checkpoint was refused. */
export type Fault = Place & { code: FaultCode; detail?: CheckpointRefused['code'] }

/** `state` is that of the last block; what lies behind the checkpoint is verified, but not signed for yet. */
export type LedgerVerdict =
  { ok: true; state: VerifiedState; checkpoint: TrustedCheckpoint | null; leaves: number } | { ok: false; fault: Fault }

/** Verifies header chain, runs, links, roots, times, epochs, approvals and checkpoint; stops at the first fault. */
export async function verifyLedger(source: LedgerSource, options: VerifyLedgerOptions): Promise<LedgerVerdict> {
  try {
    return await new Verification(source, options).run()
  } catch (error) {
    if (!(error instanceof LedgerFault)) throw error
    const { code, height, index, cause } = error
    const detail = cause instanceof CheckpointRefused ? { detail: cause.code } : {}
    return { ok: false, fault: { code, height, index, ...detail } }
  }
}

class Verification {
  private readonly verifier: LedgerVerifier
  private genesis: Genesis | null = null
  private checkpoint: TrustedCheckpoint | null = null
  private leaves = 0

  constructor(
    private readonly source: LedgerSource,
    private readonly options: VerifyLedgerOptions,
  ) {
    const { sha256, from } = options
    this.verifier = from ? LedgerVerifier.from(sha256, from) : new LedgerVerifier(sha256)
  }

  async run(): Promise<LedgerVerdict> {
    const { verifier, options } = this
    if (options.from) {
      await this.open(options.from.genesis)
      this.compareRoot(verifier.place())
    }
    await this.takeAll(this.source.entries)
    if (!verifier.atBlockEnd) throw new LedgerFault('block-unfinished', verifier.place())
    const size = Math.max(1, this.checkpoint?.size ?? 0)
    if (verifier.size < size) throw new LedgerFault('entries-missing', verifier.place())
    return { ok: true, state: verifier.state(), checkpoint: this.checkpoint, leaves: this.leaves }
  }

  private async takeAll(entries: LedgerSource['entries']): Promise<void> {
    if (!(Symbol.iterator in entries)) {
      for await (const bytes of entries) await this.take(bytes)
      return
    }
    // To wait for each leaf of an array or a file would cost as much as its hashes do.
    for (const bytes of entries) {
      const waiting = this.take(bytes)
      if (waiting) await waiting
    }
  }

  /** Answers a promise only when there is something to wait for: signatures of controls and of the checkpoint. */
  private take(bytes: Uint8Array): Promise<void> | null {
    const place = this.verifier.place()
    const entry = this.verifier.push(bytes)
    if ('genesis' in entry) return this.open(entry.genesis)
    if ('admin' in entry) return this.approve(entry.admin, place)
    if ('block' in entry) this.endBlock(entry.block, place)
    else this.leaves += 1
    return null
  }

  private async open(genesis: Genesis): Promise<void> {
    const { source, options, verifier } = this
    this.genesis = genesis
    if (source.checkpoint === null) return
    const trust = options.trust ?? { logVkeys: genesis.logKeys }
    try {
      this.checkpoint = await verifyCheckpoint(source.checkpoint, trust, options)
    } catch (cause) {
      throw new LedgerFault('checkpoint-refused', verifier.place(), { cause })
    }
    if (this.checkpoint.origin !== genesis.origin) throw new LedgerFault('origin-wrong', verifier.place())
    // Its root cannot be derived any more from a state that is already past it.
    if (this.checkpoint.size < (options.from?.treeSize ?? 0)) {
      throw new LedgerFault('checkpoint-behind-state', verifier.place())
    }
  }

  private async approve(admin: Admin, place: Place): Promise<void> {
    const approved = await isApproved(this.genesis as Genesis, place.index, admin, this.options)
    if (!approved) throw new LedgerFault('approval-missing', place)
  }

  private endBlock(header: Header, place: Place): void {
    const signed = this.checkpoint?.size
    if (signed !== undefined && signed < this.verifier.size && (signed > header.firstIndex || header.height === 0)) {
      throw new LedgerFault('checkpoint-inside-block', place)
    }
    this.compareRoot(place)
    this.options.onBlock?.(header)
  }

  private compareRoot(place: Place): void {
    const { checkpoint, verifier } = this
    if (checkpoint?.size !== verifier.size || equalHashes(checkpoint.root, verifier.root())) return
    throw new LedgerFault('checkpoint-root-wrong', place)
  }
}
