// The Idempotency-Key of a request, with a MAC over what was asked, so that a key cannot be used for two requests.
import { Injectable } from '@nestjs/common'
import { deriveIndexKey, hmacSha256, utf8 } from '@careseal/crypto'
import { beginIdempotent, EventStore, finishIdempotent, IdempotencyMismatch } from '@careseal/event-store'
import type { IdempotentAnswer } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { HttpProblem } from '@careseal/service-kit'
import type { ClientBase } from 'pg'
import { RecordsDatabase } from '../versions/records-database.js'
import type { PlannedWrite } from './write-plan.js'

/** `request` is everything that must be the same for the same answer: method, route, body, purpose. */
export type IdempotencyUse = { actor: string; key: string; request: string }

class NotYet extends Error {}

@Injectable()
export class Idempotency {
  constructor(
    private readonly database: RecordsDatabase,
    private readonly events: EventStore,
    private readonly keys: SubjectKeys,
  ) {}

  /** The earlier answers, without beginning anything. */
  async earlier(use: IdempotencyUse): Promise<IdempotentAnswer[] | undefined> {
    try {
      return await this.database.read(async (sql) => {
        const answers = await this.begin(sql, use)
        // Rolls back: the row is made in the transaction that does the work.
        if (!answers) throw new NotYet('not yet')
        return answers
      })
    } catch (error) {
      if (error instanceof NotYet) return undefined
      throw error
    }
  }

  /** Begins in the transaction of the work; undefined means: do it, then call `finish`. */
  async begin(sql: ClientBase, use: IdempotencyUse): Promise<IdempotentAnswer[] | undefined> {
    const mac = await this.macOf(sql, use)
    try {
      const begun = await beginIdempotent(sql, { actor: use.actor, key: use.key, mac, subjectIds: [] })
      return begun === 'new' ? undefined : begun.answers
    } catch (error) {
      if (!(error instanceof IdempotencyMismatch)) throw error
      throw new HttpProblem(422, 'idempotency-mismatch', 'This Idempotency-Key belongs to another request.')
    }
  }

  async finish(
    sql: ClientBase,
    { actor, key }: IdempotencyUse,
    done: { answers: readonly IdempotentAnswer[]; writes: readonly PlannedWrite[] },
  ): Promise<void> {
    const subjectIds = [...new Set(done.writes.flatMap((write) => write.patientIds))]
    await finishIdempotent(sql, { actor, key, subjectIds }, done.answers)
  }

  private async macOf(sql: ClientBase, { request }: IdempotencyUse): Promise<Uint8Array> {
    const { deploymentId } = this.events
    const acquired = await this.keys.acquire(sql, [deploymentId], { create: true })
    const key = acquired.get(deploymentId)
    if (!key) throw new Error('the deployment has no key')
    return hmacSha256(deriveIndexKey(key.key, 'idempotency'), utf8(request))
  }
}
