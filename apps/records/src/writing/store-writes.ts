// The rows and events of a request's writes, in a handful of statements. Lock order: subjects, resources, streams.
import { Injectable } from '@nestjs/common'
import type { Caller, EventData } from '@careseal/contracts'
import { EventStore, type IdempotentAnswer, type NewEvent } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import { assertFresh, type Permits } from '../access/permit.js'
import { changedMeanwhile, versionMismatch } from '../access/refusals.js'
import { actorOf, useUp } from '../access/release.js'
import { headsOf } from '../versions/version.query.js'
import { etagOf, versionUrl, type ResourceHead } from '../versions/version.js'
import { writeVersions, type VersionRow } from '../versions/version.writer.js'
import { subjectOf } from './ownership.js'
import { WriteSealer, type SealedWrite } from './write-sealer.js'
import type { PlannedWrite } from './write-plan.js'

type Decided = { heads: ReadonlyMap<string, ResourceHead>; permits: Permits; caller: Caller }

@Injectable()
export class StoreWrites {
  constructor(
    private readonly events: EventStore,
    private readonly sealer: WriteSealer,
    private readonly keys: SubjectKeys,
  ) {}

  seal(writes: readonly PlannedWrite[]): Promise<SealedWrite[]> {
    return this.sealer.seal(writes)
  }

  /** Runs in the caller's transaction. Throws 409 or 412 when a resource is no longer what was decided on. */
  async store(sql: ClientBase, writes: readonly SealedWrite[], decided: Decided): Promise<IdempotentAnswer[]> {
    // Locks every subject FOR SHARE: one that was erased since the sealing is found out here.
    const keys = await this.keys.acquire(sql, this.sealer.subjectsOf(writes), { create: true })
    const heads = await this.lockHeads(sql, writes, decided.heads)
    const effective = writes.filter((write) => !deletesAgain(write, heads))
    const rows = effective.map((write) => rowOf(write, heads.get(keyOf(write))))
    await useUp(sql, [...decided.permits.values()])
    const events = rows.map((row) => eventOf(row, decided))
    await this.events.append(sql, events, keys)
    await writeVersions(sql, rows)
    assertFresh(decided.permits.values())
    return writes.map(answerOf)
  }

  private async lockHeads(
    sql: ClientBase,
    writes: readonly PlannedWrite[],
    decidedOn: ReadonlyMap<string, ResourceHead>,
  ): Promise<Map<string, ResourceHead>> {
    const existing = writes.filter((write) => write.interaction !== 'create')
    const heads = await headsOf(sql, existing, { lock: true })
    for (const write of existing) {
      const head = heads.get(keyOf(write))
      if (!head) throw changedMeanwhile()
      if (write.ifMatch !== undefined && write.ifMatch !== etagOf(head.versionId)) throw versionMismatch(write.where)
      // The permits were given for the patients whom the resource concerned then.
      if (head.patientIds.join() !== decidedOn.get(keyOf(write))?.patientIds.join()) throw changedMeanwhile()
    }
    return heads
  }
}

function rowOf(write: SealedWrite, head: ResourceHead | undefined): VersionRow {
  const { type, id, versionId, interaction, subjectId, patientIds, recordedAt, sealed, tokens } = write
  const versionNo = (head?.versionNo ?? 0) + 1
  const eventId = randomUUID()
  const row = { type, id, versionId, versionNo, interaction, subjectId, patientIds, eventId, recordedAt, tokens }
  return sealed ? { ...row, sealed } : row
}

const keyOf = (write: { type: string; id: string }): string => `${write.type}/${write.id}`

// Deleting what is deleted is answered as before and is no new fact.
function deletesAgain(write: PlannedWrite, heads: ReadonlyMap<string, ResourceHead>): boolean {
  return write.interaction === 'delete' && heads.get(keyOf(write))?.deleted === true
}

function eventOf(row: VersionRow, { caller, permits, heads }: Decided): NewEvent {
  const [patientId] = row.patientIds
  const permit = patientId === undefined ? undefined : permits.get(patientId)
  const data = {
    ...actorOf(caller),
    type: row.type,
    id: row.id,
    versionId: row.versionId,
    ...(patientId === undefined ? {} : { patientId }),
    ...(permit === undefined ? {} : { permitId: permit.permitId }),
  }
  const streamId = `record-${row.type}-${row.id}`
  const place = { id: row.eventId, streamId, subjectId: subjectOf(row) }
  if (row.interaction === 'delete') return { ...place, type: 'RecordDeleted', data }
  const added: EventData<'RecordVersionAdded'> = { ...data, interaction: row.interaction }
  const isNew = !heads.has(`${row.type}/${row.id}`)
  return {
    ...place,
    type: 'RecordVersionAdded',
    data: added,
    content: row.sealed!.fieldRoot,
    ...(isNew ? { expectedVersion: 0 } : {}),
  }
}

function answerOf(write: PlannedWrite): IdempotentAnswer {
  if (write.interaction === 'delete') return { status: 204 }
  return {
    status: write.interaction === 'create' ? 201 : 200,
    location: versionUrl(write),
    etag: etagOf(write.versionId),
  }
}
