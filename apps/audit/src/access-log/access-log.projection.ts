// The access log from the events of all producers, each exactly once: the projection's position moves in the same
// transaction.
import type { Tx } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import type { LedgerEvent } from '@careseal/messaging'
import type { Projection } from '@careseal/nest-event-store'
import { Injectable } from '@nestjs/common'
import { randomUUID } from 'node:crypto'
import { entryOf, type AccessEntry } from './access-entry.js'

type Line = AccessEntry & { entryId: string; producer: string; seq: number }

const INSERT_NUMBERS = `
INSERT INTO subject_number (patient_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`

const INSERT_ENTRIES = `
INSERT INTO access_log (entry_id, number, occurred_at, event_type, actor_id, role, member_id, purpose, action,
                        interaction, outcome, types)
SELECT "entryId", coalesce(s.number, gen_random_uuid()), "occurredAt", "eventType", "actorId", role, "memberId",
       purpose, action, interaction, outcome, types
FROM jsonb_to_recordset($1::jsonb) AS e (
  "entryId" uuid, "patientId" uuid, "occurredAt" timestamptz, "eventType" text, "actorId" uuid, role text,
  "memberId" uuid, purpose text, action text, interaction text, outcome text, types text[])
LEFT JOIN subject_number s ON s.patient_id = e."patientId" AND e."patientId" = ANY ($2::uuid[])`

const INSERT_DETAILS = `
INSERT INTO access_detail (entry_id, event_id, producer, seq, resources, facts)
SELECT "entryId", "eventId", producer, seq, "references", facts
FROM jsonb_to_recordset($1::jsonb) AS e (
  "entryId" uuid, "patientId" uuid, "eventId" uuid, producer text, seq bigint, "references" text[], facts jsonb)
WHERE e."patientId" = ANY ($2::uuid[])`

@Injectable()
export class AccessLogProjection implements Projection {
  constructor(private readonly keys: SubjectKeys) {}

  /**
   * Locks the patients' subject rows, so that no line is linked to a patient whose erasure is under way. The lines of
   * an erased patient get a number that belongs to nobody and no details.
   */
  async apply({ sql }: Tx, events: readonly LedgerEvent[]): Promise<void> {
    const lines = events.flatMap(lineOf)
    if (lines.length === 0) return
    const patientIds = [...new Set(lines.map(({ patientId }) => patientId))]
    const active = [...(await this.keys.acquire(sql, patientIds, { create: true, erased: 'omit' })).keys()].toSorted()
    const json = JSON.stringify(lines)
    await sql.query(INSERT_NUMBERS, [active])
    await sql.query(INSERT_ENTRIES, [json, active])
    await sql.query(INSERT_DETAILS, [json, active])
  }

  /** Numbers stay: they were drawn at random and could not be found again. */
  async truncate({ sql }: Tx): Promise<void> {
    await sql.query('DELETE FROM access_detail')
    await sql.query('DELETE FROM access_log')
  }
}

function lineOf({ event, producer, seq }: LedgerEvent): Line[] {
  const entry = entryOf(event)
  return entry === null ? [] : [{ ...entry, entryId: randomUUID(), producer, seq }]
}
