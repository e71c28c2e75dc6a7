// What this process may say and do: one place that health, metrics, answers and the writing parts look at.

export type HaltCode = 'rollback-detected' | 'ledger-corrupt' | 'signer-refused'

export type SignerSilence = { since: Date; detail: string }
export type Halt = { code: HaltCode; detail: string }

/**
 * `starting` until the signer has confirmed the head, then `confirmed`; `halted` is for good: nothing is appended and
 * nothing signed until somebody has mended the cause and started anew. Old data may still be read.
 */
export class LedgerStatus {
  private state: 'starting' | 'confirmed' = 'starting'
  private stop: Halt | null = null
  private isWhole = false
  private leastShown = 0
  private lastSigned: number | null = null
  private awaited: readonly string[] = []
  private readonly haltListeners: ((halt: Halt) => void)[] = []
  private readonly frozenProducers = new Map<string, string>()
  private silence: SignerSilence | null = null

  get confirmed(): boolean {
    return this.state === 'confirmed' && this.stop === null
  }

  /**
   * Whether what is newest may be shown: of a ledger that was rolled back, or that nobody has compared with the signer's
   * word yet, it may be older than what clients have seen (I8).
   */
  get mayShowNewest(): boolean {
    return this.isWhole && this.stop?.code !== 'rollback-detected'
  }

  /** Whether a checkpoint of this size may be shown as the newest. */
  mayShow(size: number): boolean {
    return this.mayShowNewest && size >= this.leastShown
  }

  /** The database holds as much as the signer has signed; a smaller checkpoint may be older than one that was shown. */
  foundWhole(signedSize: number): void {
    this.isWhole = true
    this.leastShown = signedSize
  }

  get halt(): Halt | null {
    return this.stop
  }

  /** The largest size that this process has had signed; null before the first. */
  get signedSize(): number | null {
    return this.lastSigned
  }

  signed(size: number): void {
    this.lastSigned = size
  }

  /** Producers that are read no further, and why. */
  get frozen(): ReadonlyMap<string, string> {
    return this.frozenProducers
  }

  /** Witnesses without whose answer nothing is appended or signed yet. */
  get waitingFor(): readonly string[] {
    return this.awaited
  }

  waitFor(witnesses: readonly string[]): void {
    this.awaited = witnesses
  }

  /** Since when no signature could be had; null while the signer answers. Blocks are committed all the same. */
  get signerSilence(): SignerSilence | null {
    return this.silence
  }

  signerSilent(detail: string): void {
    this.silence = { since: this.silence?.since ?? new Date(), detail }
  }

  signerAnswered(): void {
    this.silence = null
  }

  freeze(producer: string, reason: string): void {
    this.frozenProducers.set(producer, reason)
  }

  // What the signer has signed is published by now, or its witnesses are out: then what was shown last stays.
  confirm(): void {
    this.state = 'confirmed'
    this.leastShown = 0
  }

  /** Only the first cause counts; what follows from it would hide it. */
  haltFor(code: HaltCode, detail: string): void {
    if (this.stop) return
    this.stop = { code, detail }
    for (const listener of this.haltListeners) listener(this.stop)
  }

  onHalt(listener: (halt: Halt) => void): void {
    this.haltListeners.push(listener)
  }

  /** Throws while nothing may be appended: what /readyz asks. */
  requireConfirmed(): void {
    if (this.stop) throw new Error(this.stop.code)
    if (this.awaited.length > 0) throw new Error(`waiting for witnesses: ${this.awaited.join(', ')}`)
    if (this.state === 'starting') throw new Error('the signer has not confirmed the head yet')
  }
}
