import { parseEventBody, type EventType } from '@careseal/contracts'
import type { StoredEvent } from './event.js'

export type StoredRow = {
  event_id: string
  stream_id: string
  stream_version: string
  event_type: string
  body: Buffer
}

export function storedEvent(row: StoredRow): StoredEvent {
  return {
    id: row.event_id,
    streamId: row.stream_id,
    streamVersion: Number(row.stream_version),
    type: row.event_type as EventType,
    body: row.body,
    event: parseEventBody(row.body),
  }
}
