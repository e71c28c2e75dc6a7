// For specs: producers that number their events as a relay does, each a chain of links from the ledger's origin.
import { hex, sha256, utf8 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink, type Leaf } from '@careseal/ledger-core'
import { subjectOf } from '@careseal/contracts'
import type { LedgerEvent } from '@careseal/messaging'
import type { Hash } from '@careseal/merkle'

/** One producer's chain. What it says depends on its seed alone. */
export class ChainWriter {
  private link: Hash
  readonly firstLink: string
  readonly events: LedgerEvent[] = []

  constructor(
    origin: string,
    readonly producer: string,
    private readonly seed = '',
  ) {
    this.link = firstLink(sha256, origin, producer)
    this.firstLink = hex(this.link)
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
      subject: subjectOf('AccountClosed', this.producer),
      body: bodyOf(seq),
      get event(): never {
        throw new Error('a spec event has no body')
      },
    }
  }
}

function bodyOf(number: number): Uint8Array {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  const time = '2026-01-01T00:00:00Z'
  return utf8(JSON.stringify({ data: { accountId: id }, id, schemaVersion: 1, time, type: 'AccountClosed' }))
}
