// Find, seal, ask consent, store. All of a request is stored in one transaction or none of it.
import { Injectable } from '@nestjs/common'
import type { Caller, PurposeOfUse } from '@careseal/contracts'
import type { IdempotentAnswer } from '@careseal/event-store'
import { RecordsDatabase } from '../versions/records-database.js'
import { Idempotency, type IdempotencyUse } from './idempotency.js'
import { StoreWrites } from './store-writes.js'
import { WriteAuthorisation } from './write-authorisation.js'
import type { PlannedWrite } from './write-plan.js'

export type WriteContext = {
  caller: Caller
  purpose: PurposeOfUse
  idempotency?: IdempotencyUse
}

/** `replayed`: the same request was answered before; nothing was written now. */
export type Written = { answers: IdempotentAnswer[]; replayed: boolean }

@Injectable()
export class WriteService {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly authorisation: WriteAuthorisation,
    private readonly idempotency: Idempotency,
    private readonly storing: StoreWrites,
  ) {}

  /** The answers given before to this very request, or undefined. Throws 422 when the key was used for another. */
  async earlier(context: WriteContext): Promise<Written | undefined> {
    const answers = context.idempotency && (await this.idempotency.earlier(context.idempotency))
    return answers && { answers, replayed: true }
  }

  /**
   * Writes all or nothing, in the order given; answers per write.
   *
   * If we crash here before COMMIT, nothing is stored and the permits stay unused; after it, a repetition with the same
   * idempotency key gets the same answers.
   */
  async write(writes: readonly PlannedWrite[], context: WriteContext): Promise<Written> {
    const { caller, purpose } = context
    const targets = await this.authorisation.targetsOf(writes)
    const ask = () => this.authorisation.permitted(targets, caller, purpose)
    // Who is not here has no key to seal with and gets none made: such a request is refused before.
    const early = targets.absent.size > 0 ? await ask() : undefined
    const sealed = await this.storing.seal(targets.writes)
    const permits = early ?? (await ask())
    return this.database.write(async (sql) => {
      const earlier = context.idempotency && (await this.idempotency.begin(sql, context.idempotency))
      if (earlier) return { answers: earlier, replayed: true }
      const answers = await this.storing.store(sql, sealed, { heads: targets.heads, permits, caller })
      if (context.idempotency)
        await this.idempotency.finish(sql, context.idempotency, { answers, writes: targets.writes })
      return { answers, replayed: false }
    })
  }
}
