// Decides, for each leaf of ours that the ledger holds and a restored copy lacks, where its event comes from: a row that
// the copy had not numbered yet, what the broker still holds, or nowhere. Pure.
import { fromHex, hex, sha256 } from '@careseal/crypto'
import { leafEntryHash, nextLink } from '@careseal/ledger-core'

/** A leaf on the ledger; `tag` and `commitment` are 64 hex digits. */
export type SealedLeaf = { seq: number; tag: string; commitment: string; leafIndex: number; height: number }

/** An event of the copy that has no number; the leaf that was made of it has the same tag and commitment. */
export type WaitingEvent = { eventPk: string; tag: string; commitment: string }

/** What the broker says an event was: its chain fields are compared with the ledger, its body can only be believed. */
export type PublishedEvent = { seq: number; tag: string; commitment: string; body: Uint8Array }

export type RecoveredLeaf = SealedLeaf & { leafHash: Uint8Array; link: Uint8Array } & (
    { source: 'copy'; eventPk: string } | { source: 'broker'; body: Uint8Array } | { source: 'lost' }
  )

/** The copy holds events that the ledger does not have: it wrote on after it was restored, or is another ledger's. */
export class ChainDiverges extends Error {
  readonly code = 'chain-diverges'
  constructor(readonly producer: string) {
    super(
      `the copy's own chain of ${producer} does not lead to what the ledger holds: it wrote on after it was restored. ` +
        'Restore a copy that did not, then recover again.',
    )
  }
}

export type RecoveryInput = {
  producer: string
  /** The copy's last number and link. */
  from: { seq: number; link: string }
  /** The ledger's last link of the producer. */
  lastLink: string
  /** All leaves after `from`, in order. */
  leaves: readonly SealedLeaf[]
  waiting: readonly WaitingEvent[]
  published: readonly PublishedEvent[]
}

/** Throws ChainDiverges when the leaves do not lead from the copy's link to the ledger's. */
export function planRecovery({ producer, from, lastLink, leaves, ...sources }: RecoveryInput): RecoveredLeaf[] {
  const waiting = new Map(sources.waiting.map((event) => [keyOf(event), event.eventPk]))
  const published = Map.groupBy(sources.published, ({ seq }) => seq)
  let { seq } = from
  let link: Uint8Array = fromHex(from.link, 32)
  const planned = leaves.map((leaf): RecoveredLeaf => {
    if (leaf.seq !== ++seq) throw new ChainDiverges(producer)
    const leafHash = leafEntryHash(sha256, { producer, seq, tag: leaf.tag, commitment: leaf.commitment })
    link = nextLink(sha256, link, leafHash)
    return { ...leaf, leafHash, link, ...sourceOf(leaf, waiting, published.get(seq) ?? []) }
  })
  if (hex(link) !== lastLink) throw new ChainDiverges(producer)
  return planned
}

function sourceOf(leaf: SealedLeaf, waiting: ReadonlyMap<string, string>, published: readonly PublishedEvent[]) {
  const eventPk = waiting.get(keyOf(leaf))
  if (eventPk !== undefined) return { source: 'copy', eventPk } as const
  const bodies = published.filter((event) => keyOf(event) === keyOf(leaf)).map(({ body }) => body)
  const [body, ...others] = bodies
  // Two stories about one leaf cannot be told apart without its opening, and that is gone: neither is believed.
  if (!body || others.some((other) => !Buffer.from(other).equals(body))) return { source: 'lost' } as const
  return { source: 'broker', body } as const
}

function keyOf({ tag, commitment }: { tag: string; commitment: string }): string {
  return tag + commitment
}
