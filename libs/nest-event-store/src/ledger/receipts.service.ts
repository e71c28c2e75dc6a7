// A receipt lets its holder prove offline that an event stands in the ledger: body, opening, leaf, and the inclusion
// proof with a co-signed checkpoint. Who may have one is the app's decision, taken before it asks here.
import { base64, hex } from '@careseal/crypto'
import { EventStore, leafStateOf, type LeafState, type OpenedEvent } from '@careseal/event-store'
import type { Receipt } from '@careseal/ledger-core'
import { Injectable } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { EventTransactions } from '../producer/event-transactions.service.js'
import { LedgerClient } from './ledger.client.js'

/**
 * `pending`: not yet under a published checkpoint, answer 503 with Retry-After. `opening-destroyed`: the subject was
 * erased, answer 410. `unknown-event`: answer 404.
 */
export type ReceiptResult =
  | { receipt: Receipt }
  | { pending: true; retryAfterSeconds: number }
  | { rejected: 'unknown-event' | 'opening-destroyed' }

const RETRY_AFTER_SECONDS = 2

@Injectable()
export class Receipts {
  constructor(
    private readonly database: ProducerDatabase,
    private readonly store: EventStore,
    private readonly transactions: EventTransactions,
    private readonly ledger: LedgerClient,
  ) {}

  /** Takes the subject's row FOR SHARE, so an erased subject has no receipts any more. Records adds its fields. */
  async receiptFor(eventId: string): Promise<ReceiptResult> {
    const found = await this.find(eventId)
    if ('rejected' in found) return found
    const { opened, leaf } = found
    const proof = leaf.sealed && (await this.ledger.proofFile(leaf.sealed.leafIndex))
    if (!proof || leaf.seq === null) return { pending: true, retryAfterSeconds: RETRY_AFTER_SECONDS }
    return { receipt: receiptOf(opened, { ...leaf, seq: leaf.seq }, proof) }
  }

  private find(eventId: string) {
    return this.transactions.run(async ({ sql }) => {
      const opened = await this.store.open(sql, eventId)
      if ('rejected' in opened) return opened
      return { opened, leaf: (await leafStateOf(sql, this.database.producer, eventId))! }
    })
  }
}

function receiptOf(opened: OpenedEvent, leaf: LeafState & { seq: number }, proof: string): Receipt {
  const { producer, seq, tag, commitment } = leaf
  return {
    v: 1,
    event: { type: opened.type, body: base64(opened.body), opening: hex(opened.opening) },
    leaf: { producer, seq, tag, commitment },
    proof,
  }
}
