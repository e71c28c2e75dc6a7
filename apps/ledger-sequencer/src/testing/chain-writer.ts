// For specs: producers that number their events as a relay does, each a chain of links from the ledger's origin.
import { hex, sha256, utf8 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink, type Leaf } from '@careseal/ledger-core'
import type { LedgerEvent } from '@careseal/messaging'
import type { Hash } from '@careseal/merkle'

/** One producer's chain. What it says depends on its seed alone. */
export class ChainWriter {
  private link: Hash
  readonly events: LedgerEvent[] = []

  constructor(
    origin: string,
    readonly producer: string,
    private readonly seed = '',
  ) {
    this.link = firstLink(sha256, origin, producer)
  }

  /** The next `count` events. */
  write(count: number): LedgerEvent[] {
    const from = this.events.length
    for (let i = 0; i < count; i++) this.events.push(this.next())
    return this.events.slice(from)
  }

  get leaves(): Leaf[] {
    return this.events.map(({ producer, seq, tag, commitment }) => ({ producer, seq, tag, commitment }))
  }

  private next(): LedgerEvent {
    const seq = this.events.length + 1
    const tag = hex(sha256(utf8(`tag ${this.seed} ${this.producer} ${seq}`)))
    const commitment = hex(sha256(utf8(`commitment ${this.seed} ${this.producer} ${seq}`)))
    const leafHash = leafEntryHash(sha256, { producer: this.producer, seq, tag, commitment })
    this.link = nextLink(sha256, this.link, leafHash)
    return {
      producer: this.producer,
      seq,
      tag,
      commitment,
      leafHash: hex(leafHash),
      link: hex(this.link),
      subject: `evt.${this.producer}.record.record-read`,
      body: utf8('{}'),
      get event(): never {
        throw new Error('a spec event has no body')
      },
    }
  }
}
