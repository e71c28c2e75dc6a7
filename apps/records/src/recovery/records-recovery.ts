// What records does when its database was rolled back: a version whose event came back stands there without its content,
// so that reading it is 410 and no older version is shown as the current one; a permit that was used stays used.
import type { EventBody } from '@careseal/contracts'
import type { RestoredEvent, Tx } from '@careseal/event-store'
import {
  deploymentIdOf,
  subjectsOfLostLeaves,
  type RecoveryModel,
  type RecoveryTools,
} from '@careseal/nest-event-store'
import { headsOf } from '../versions/version.query.js'
import { writeVersions, type VersionRow } from '../versions/version.writer.js'

type Written = EventBody<'RecordVersionAdded'> | EventBody<'RecordDeleted'>

export function recordsRecovery({ origin, keys }: RecoveryTools): RecoveryModel {
  return {
    streamOf: (event) => {
      const { type, id } = event.data as { type?: string; id?: string }
      return isWritten(event) ? `record-${type}-${id}` : `recovered-${event.id}`
    },
    follow: async (tx, { restored, chains }) => {
      for (const { event } of restored) await bringBack(tx, event, origin)
      const { rows } = await tx.sql.query<{ id: string }>(
        `SELECT DISTINCT patient_id::text AS id FROM patient_resource ORDER BY 1`,
      )
      const hit = await subjectsOfLostLeaves(tx.sql, keys, { chains, subjectIds: rows.map(({ id }) => id) })
      return { versionsWithoutContent: restored.filter(isAddition).length, patientsOfLostEvents: hit.length }
    },
  }
}

function isWritten(event: EventBody): event is Written {
  return event.type === 'RecordVersionAdded' || event.type === 'RecordDeleted'
}

function isAddition({ event }: RestoredEvent): boolean {
  return event.type === 'RecordVersionAdded'
}

async function bringBack({ sql }: Tx, event: EventBody, origin: string): Promise<void> {
  const { permitId } = event.data as { permitId?: string }
  if (permitId) {
    await sql.query('INSERT INTO permit_use (permit_id) VALUES ($1) ON CONFLICT DO NOTHING', [permitId])
  }
  if (!isWritten(event)) return
  const { type, id, versionId, patientId } = event.data
  const head = (await headsOf(sql, [{ type, id }], { lock: true })).get(`${type}/${id}`)
  // Of several patients the event names the first; those of the version before stay with it.
  const patientIds = [...new Set([...(patientId ? [patientId] : []), ...(head?.patientIds ?? [])])]
  const row: VersionRow = {
    type,
    id,
    versionId,
    versionNo: (head?.versionNo ?? 0) + 1,
    interaction: interactionOf(event, head !== undefined),
    subjectId: patientIds[0] ?? deploymentIdOf(origin),
    patientIds,
    eventId: event.id,
    recordedAt: new Date(event.time),
    tokens: [],
    ...(event.type === 'RecordVersionAdded' && {
      sealed: { keyId: null, ciphertext: null, fieldRoot: Buffer.from(event.content ?? '', 'hex') },
    }),
  }
  await writeVersions(sql, [row])
}

// Where the event that created a resource is lost, the first that came back stands for it.
function interactionOf(event: Written, exists: boolean): VersionRow['interaction'] {
  if (event.type === 'RecordDeleted') return 'delete'
  return exists ? 'update' : 'create'
}
