// Verifies a whole ledger, as a stream: nobody has to be trusted but the keys that sign its checkpoint.
import { equalHashes, type Hash } from '@careseal/merkle'
import { isApproved } from './approval.js'
import type { Checkpoint } from './checkpoint.js'
import type { Admin, Genesis, Header } from './entry.js'
import { LedgerFault, LedgerVerifier, type FaultCode, type Place, type VerifiedState } from './ledger-verifier.js'
import { logKeysAt, policyAt } from './governance.js'
import {
  CheckpointRefused,
  policyOf,
  readCheckpoint,
  verifyCheckpoint,
  type Primitives,
  type Trust,
  type TrustedCheckpoint,
} from './trust.js'

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
  /** Hears of every verified block, and of the tree that ends with it: for progress, and to compare what one knew before. */
  onBlock?: (header: Header, tree: { readonly size: number; root: () => Hash }) => void
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
  /** What the checkpoint says; it is believed once the entries up to its size have said whose signature counts there. */
  private claimed: Checkpoint | null = null
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
      await this.compareCheckpoint(verifier.place())
    }
    await this.takeAll(this.source.entries)
    if (!verifier.atBlockEnd) throw new LedgerFault('block-unfinished', verifier.place())
    const size = Math.max(1, this.claimed?.size ?? 0)
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
    if ('block' in entry) return this.endBlock(entry.block, place)
    this.leaves += 1
    return null
  }

  private async open(genesis: Genesis): Promise<void> {
    const { source, options, verifier } = this
    this.genesis = genesis
    if (source.checkpoint === null) return
    try {
      this.claimed = await this.claimOf(source.checkpoint)
    } catch (cause) {
      throw new LedgerFault('checkpoint-refused', verifier.place(), { cause })
    }
    if (this.claimed.origin !== genesis.origin) throw new LedgerFault('origin-wrong', verifier.place())
    // Its root cannot be derived any more from a state that is already past it.
    if (this.claimed.size < (options.from?.treeSize ?? 0)) {
      throw new LedgerFault('checkpoint-behind-state', verifier.place())
    }
  }

  // Early, so that nobody reads a whole ledger for a checkpoint that is worth nothing. Without trust of the caller's own
  // a key that no entry has named yet may still come.
  private async claimOf(note: string): Promise<Checkpoint> {
    const { options, verifier } = this
    const named = verifier.keys.filter(({ owner }) => owner === 'log').map(({ vkey }) => vkey)
    try {
      return await verifyCheckpoint(note, options.trust ?? { logVkeys: named }, options)
    } catch (error) {
      const mayCome = !options.trust && error instanceof CheckpointRefused && error.code === 'no-known-signature'
      if (mayCome) return readCheckpoint(note)
      throw error
    }
  }

  private async approve(admin: Admin, place: Place): Promise<void> {
    const approved = await isApproved(this.genesis as Genesis, place.index, admin, this.options)
    if (!approved) throw new LedgerFault('approval-missing', place)
  }

  private endBlock(header: Header, place: Place): Promise<void> | null {
    const signed = this.claimed?.size
    if (signed !== undefined && signed < this.verifier.size && (signed > header.firstIndex || header.height === 0)) {
      throw new LedgerFault('checkpoint-inside-block', place)
    }
    this.options.onBlock?.(header, this.verifier)
    return signed === this.verifier.size ? this.compareCheckpoint(place) : null
  }

  private async compareCheckpoint(place: Place): Promise<void> {
    const { claimed, verifier } = this
    if (claimed?.size !== verifier.size) return
    if (!equalHashes(claimed.root, verifier.root())) throw new LedgerFault('checkpoint-root-wrong', place)
    await this.believeCheckpoint(place)
  }

  // A signature counts by the size under it: of a key that was retired before, or added later, it is nobody's.
  private async believeCheckpoint(place: Place): Promise<void> {
    const { options, verifier, source } = this
    const { keys, size } = verifier
    const policy = policyOf(options.sha256, options.trust ?? { logVkeys: logKeysAt(keys, size) })
    const counting = policyAt(options.sha256, policy, { keys, size })
    try {
      this.checkpoint = await verifyCheckpoint(source.checkpoint as string, { policy: counting }, options)
    } catch (cause) {
      throw new LedgerFault('log-key-not-valid', place, { cause })
    }
  }
}
