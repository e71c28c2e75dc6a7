import type { Caller, CommandReply } from '@careseal/contracts'
import { base64, hex } from '@careseal/crypto'
import { EventStore, leafStateOf, type LeafState, type OpenedEvent } from '@careseal/event-store'
import { Injectable } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { EventTransactions } from './event-transactions.service.js'

/** Whether a caller may have an event's opening; the app decides, and writes its audit event where one is due. */
export type AuthoriseOpening = (caller: Caller, event: OpenedEvent) => Promise<boolean>

/** Hands out the opening of one leaf to whom the app allows it; an erased subject's leaves open no more. */
@Injectable()
export class OpenLeaf {
  private authorise: AuthoriseOpening = async () => false

  constructor(
    private readonly database: ProducerDatabase,
    private readonly store: EventStore,
    private readonly transactions: EventTransactions,
  ) {}

  /** Sets who may open leaves; until then nobody may. Call it in the app's `onModuleInit`. */
  authoriseWith(authorise: AuthoriseOpening): void {
    this.authorise = authorise
  }

  async open({ eventId, caller }: { eventId: string; caller: Caller }): Promise<CommandReply<'open-leaf'>> {
    return this.transactions.run(async ({ sql }) => {
      const opened = await this.store.open(sql, eventId)
      if ('rejected' in opened) return opened
      if (!(await this.authorise(caller, opened))) return { rejected: 'not-allowed' as const }
      return answer(opened, (await leafStateOf(sql, this.database.producer, eventId))!)
    })
  }
}

function answer(opened: OpenedEvent, leaf: LeafState): CommandReply<'open-leaf'> {
  const { producer, seq, tag, commitment, sealed } = leaf
  return {
    producer,
    seq,
    tag,
    commitment,
    type: opened.type,
    body: base64(opened.body),
    opening: hex(opened.opening),
    leafIndex: sealed?.leafIndex ?? null,
  }
}
