// That an event's leaf stands in a block under a checkpoint which the log signed and a quorum of witnesses co-signed.
import { WEB_PRIMITIVES } from '@careseal/crypto/portable'
import type { LedgerEvent } from '@careseal/event-envelope'
import { CheckpointRefused, parseEntry, verifyCheckpoint, type TrustedCheckpoint } from '@careseal/ledger-core'
import { verifyInclusion } from '@careseal/merkle'
import { pause } from '../consume/pause.js'
import { ProducerContradicts, ServiceFailed } from '../failures.js'
import { trustOf, type TrustedBy } from '../receipts.js'

export type ProofOptions = {
  /** The ledger's origin on the web, such as `https://careseal.example`; its routes are below `/ledger`. */
  url: string
  trusted: TrustedBy
  /** The block to begin with, if the events before it are not read any more; default 0. For an earlier one `prove` rejects. */
  fromHeight?: number
}

/** Leaves of one producer that stand side by side: seq s at `index + s − fromSeq`. */
type Run = { fromSeq: number; count: number; index: number }

const WAIT_MS = 500
const BLOCKS_PER_PAGE = 500

/**
 * For `prove` of one `consume`: resolves once the leaf is proved, waiting until it is sealed and co-signed. One request for
 * each event. Rejects with ProducerContradicts when the ledger holds another leaf at its place, and with ServiceFailed when
 * the ledger does not answer or the event was sealed before `fromHeight`.
 */
export function proveLeaves(options: ProofOptions): (event: LedgerEvent, signal: AbortSignal) => Promise<void> {
  const proofs = new LeafProofs(options)
  return (event, signal) => proofs.prove(event, signal)
}

/** Where the leaves of one producer stand, read from the blocks' headers no further than is asked for. */
class ProducerRuns {
  private runs: Run[] = []
  /** The numbers of the first leaf that was read and of the one after the last, whether they are still kept or not. */
  private firstSeq: number | null = null
  private nextSeq = 0

  constructor(
    private readonly producer: string,
    private nextHeight: number,
  ) {}

  /** The index of a leaf; null where no block that was read holds it. What lies behind it is let go. */
  indexOf(seq: number): number | null {
    this.runs = this.runs.filter(({ fromSeq, count }) => fromSeq + count > seq)
    const [run] = this.runs
    return run !== undefined && run.fromSeq <= seq ? run.index + seq - run.fromSeq : null
  }

  /** Where a leaf is that has no index: still to come, let go, or in no block from the first on that was read. */
  placeOf(seq: number): 'ahead' | 'let-go' | 'before' {
    if (this.firstSeq === null || seq >= this.nextSeq) return 'ahead'
    return seq < this.firstSeq ? 'before' : 'let-go'
  }

  /** Reads a page of headers; false where there is none yet. */
  async readOn(blocks: (from: number) => Promise<{ height: number; header: string }[]>): Promise<boolean> {
    const page = await blocks(this.nextHeight)
    for (const { height, header } of page) {
      this.remember(Uint8Array.from(atob(header), (letter) => letter.charCodeAt(0)))
      this.nextHeight = height + 1
    }
    return page.length > 0
  }

  // Nothing here is believed: a wrong place makes a proof that fails.
  private remember(header: Uint8Array): void {
    const entry = parseEntry(header)
    if (!('block' in entry)) throw new ServiceFailed('the ledger', 'bad-header')
    let index = entry.block.firstIndex + entry.block.controls
    for (const { producer, fromSeq, count } of entry.block.runs) {
      if (producer === this.producer) {
        this.runs.push({ fromSeq, count, index })
        this.firstSeq ??= fromSeq
        this.nextSeq = fromSeq + count
      }
      index += count
    }
  }
}

class LeafProofs {
  private readonly producers = new Map<string, ProducerRuns>()
  private readonly trust: ReturnType<typeof trustOf>
  private readonly fromHeight: number
  private checkpoint: TrustedCheckpoint | null = null

  constructor(private readonly options: ProofOptions) {
    this.trust = trustOf(options.trusted)
    this.fromHeight = options.fromHeight ?? 0
  }

  async prove(event: LedgerEvent, signal: AbortSignal): Promise<void> {
    const index = await this.indexOf(event, signal)
    const checkpoint = index === null ? null : await this.covering(index, signal)
    if (index === null || checkpoint === null) return
    const { size, root } = checkpoint
    const { proof } = await this.json<{ proof: string[] }>(`proof/inclusion?index=${index}&size=${size}`)
    const hashes = proof.map(bytesOf)
    const leafHash = bytesOf(event.leafHash)
    if (verifyInclusion(WEB_PRIMITIVES.sha256, { index, size, leafHash, proof: hashes, root })) return
    throw new ProducerContradicts(event.producer, `the ledger holds another leaf than event ${event.seq}`)
  }

  private async indexOf({ producer, seq }: LedgerEvent, signal: AbortSignal): Promise<number | null> {
    let runs = this.producers.get(producer) ?? this.beginAgain(producer)
    while (!signal.aborted) {
      const index = runs.indexOf(seq)
      if (index !== null) return index
      const place = runs.placeOf(seq)
      if (place === 'before') throw new ServiceFailed('the ledger', `sealed-before-block-${this.fromHeight}`)
      if (place === 'let-go') runs = this.beginAgain(producer)
      else if (!(await runs.readOn((from) => this.blocks(from)))) await pause(WAIT_MS, signal)
    }
    return null
  }

  // Somebody consumes again from an earlier place, or two consumers share these proofs.
  private beginAgain(producer: string): ProducerRuns {
    const runs = new ProducerRuns(producer, this.fromHeight)
    this.producers.set(producer, runs)
    return runs
  }

  private async blocks(from: number): Promise<{ height: number; header: string }[]> {
    type Page = { blocks: { height: number; header: string }[] }
    return (await this.json<Page>(`blocks?from=${from}&limit=${BLOCKS_PER_PAGE}`)).blocks
  }

  private async covering(index: number, signal: AbortSignal): Promise<TrustedCheckpoint | null> {
    while (!signal.aborted) {
      if (this.checkpoint !== null && this.checkpoint.size > index) return this.checkpoint
      this.checkpoint = await this.newestCheckpoint()
      if (this.checkpoint === null || this.checkpoint.size <= index) await pause(WAIT_MS, signal)
    }
    return null
  }

  private async newestCheckpoint(): Promise<TrustedCheckpoint | null> {
    const note = await (await this.get('checkpoint')).text()
    try {
      return await verifyCheckpoint(note, this.trust, WEB_PRIMITIVES)
    } catch (error) {
      // Witnesses may be late; every other refusal means that this is not the log we trust.
      if (error instanceof CheckpointRefused && error.code === 'quorum-not-met') return null
      throw error
    }
  }

  private async json<T>(path: string): Promise<T> {
    return (await (await this.get(path)).json()) as T
  }

  private async get(path: string): Promise<Response> {
    const url = `${this.options.url.replace(/\/$/, '')}/ledger/${path}`
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((cause: unknown) => {
      throw new ServiceFailed(url, 'no-answer', { cause })
    })
    if (!response.ok) throw new ServiceFailed(url, String(response.status))
    return response
  }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
