// What goes into the event store and what comes out.
import type { EventBody, EventData, EventType } from '@careseal/contracts'
import type { JsonValue, SubjectKey } from '@careseal/crypto'
import type { ClientBase } from 'pg'

/**
 * One fact to append.
 *
 * - `expectedVersion`: the stream's version before this append call (0: the stream is new). Left out: any.
 * - `subjectId`: whose key encrypts the private part and whose tag the leaf carries; null is the deployment itself.
 * - `private`: everything personal; encrypted, and committed to by `content` in the body.
 * - `content`: a commitment made by the caller (records: the field root), used instead of the private part's own.
 */
export type NewEvent<T extends EventType = EventType> = {
  streamId: string
  expectedVersion?: number
  type: T
  data: EventData<T>
  subjectId: string | null
  private?: JsonValue
  content?: Uint8Array
  id?: string
}

/** `body` is the canonical public part as committed to; `time` is the transaction's time as it stands in the body. */
export type AppendedEvent = { id: string; streamVersion: number; body: Uint8Array; time: string }

/** The public side of a stored event. `body` holds the stored bytes, `event` what they say. */
export type StoredEvent = {
  id: string
  streamId: string
  streamVersion: number
  type: EventType
  body: Uint8Array
  event: EventBody
}

/** A stored event together with what its leaf commits to. `private` is null when the event has no private part. */
export type OpenedEvent = StoredEvent & { subjectId: string; opening: Uint8Array; private: JsonValue | null }

export type OpenRejection = { rejected: 'unknown-event' | 'opening-destroyed' }

/** `SubjectKeys.acquire` of @careseal/keys: current keys by subject id, subject rows locked FOR SHARE ascending. */
export type AcquireKeys = (
  sql: ClientBase,
  subjectIds: readonly string[],
  options: { create: boolean; erased?: 'refuse' | 'omit' },
) => Promise<Map<string, SubjectKey>>

/** `SubjectKeys.acquireVersions` of @careseal/keys: keys by key id; those of erased subjects are absent. */
export type AcquireKeyVersions = (sql: ClientBase, keyIds: readonly string[]) => Promise<Map<string, SubjectKey>>

/** Somebody else appended to the stream since it was loaded: load and decide again, once. */
export class VersionConflict extends Error {
  readonly code = 'version-conflict'
  constructor(readonly streamId: string) {
    super('the stream has another version than expected')
  }
}
