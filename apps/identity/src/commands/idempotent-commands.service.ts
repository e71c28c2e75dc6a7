// A POST with an Idempotency-Key has one effect and one answer, however often it arrives (I19).
import type { Caller } from '@careseal/contracts'
import { canonicalBytes, deriveIndexKey, hmacSha256, type JsonValue } from '@careseal/crypto'
import { beginIdempotent, EventStore, finishIdempotent, type Tx } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { EventTransactions } from '@careseal/nest-event-store'
import { HttpProblem } from '@careseal/service-kit'
import { Injectable } from '@nestjs/common'
import type { ClientBase } from 'pg'

/** What a command made: where it is, and whose erasure removes the memory of the request. */
export type Made = { location: string; subjectId: string | null }

export type KeyedRequest = { caller: Caller; key: string | undefined; route: string; body: object }

@Injectable()
export class IdempotentCommands {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
    private readonly keys: SubjectKeys,
  ) {}

  /** Runs the command in one transaction, or finds what its first run made. Answers the location. */
  async run(request: KeyedRequest, work: (tx: Tx) => Promise<Made>): Promise<string> {
    const key = checkedKey(request.key)
    if (key === undefined) return this.transactions.runWithRetry(async (tx) => (await work(tx)).location)
    return this.transactions.runWithRetry((tx) => this.runOnce(tx, { ...request, key }, work))
  }

  private async runOnce(tx: Tx, request: KeyedRequest & { key: string }, work: (tx: Tx) => Promise<Made>) {
    const actor = `${request.caller.accountId} ${request.caller.clientId}`
    const mac = await this.macOf(tx.sql, request)
    const begun = await beginIdempotent(tx.sql, { actor, key: request.key, mac, subjectIds: [] })
    if (begun !== 'new') return begun.answers[0]!.location!
    const { location, subjectId } = await work(tx)
    const subjectIds = subjectId === null ? [] : [subjectId]
    await finishIdempotent(tx.sql, { actor, key: request.key, subjectIds }, [{ status: 201, location }])
    return location
  }

  // Keyed, because the body may hold a name: a plain hash of it could be guessed.
  private async macOf(sql: ClientBase, { route, body }: KeyedRequest): Promise<Uint8Array> {
    const { deploymentId } = this.store
    const keys = await this.keys.acquire(sql, [deploymentId], { create: true })
    const key = deriveIndexKey(keys.get(deploymentId)!.key, 'idempotency')
    return hmacSha256(key, canonicalBytes({ route, body: body as JsonValue }))
  }
}

function checkedKey(key: string | undefined): string | undefined {
  if (key === undefined || /^[\x21-\x7e]{1,128}$/.test(key)) return key
  throw new HttpProblem(400, 'idempotency-key-invalid', 'Idempotency-Key must have 1 to 128 visible ASCII characters.')
}
