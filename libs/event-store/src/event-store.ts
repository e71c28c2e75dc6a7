// Appends events with everything that makes them provable, in the caller's transaction: either all of it is committed
// with the caller's own rows, or none.
import { EVENT_SCHEMAS, type EventBody } from '@careseal/contracts'
import {
  canonicalBytes,
  deriveTagKey,
  eventCommitment,
  hex,
  tagOf,
  type JsonValue,
  type SubjectKey,
} from '@careseal/crypto'
import type { ClientBase } from 'pg'
import { addEvents, beginAppend, type AppendStart, type EventRow } from './appending.js'
import type {
  AcquireKeys,
  AcquireKeyVersions,
  AppendedEvent,
  NewEvent,
  OpenedEvent,
  OpenRejection,
  StoredEvent,
} from './event.js'
import { openEvents } from './opening.js'
import { commitPrivate, sealPart } from './private-part.js'
import { storedEvent, type StoredRow } from './stored-event.js'

export type EventStoreOptions = {
  /** The name in `evt.<producer>.…`, with its incarnation (`consent`, `consent-2`). */
  producer: string
  /** The log's origin: every ciphertext is bound to it. */
  origin: string
  /** The subject that stands for the deployment itself. */
  deploymentId: string
  acquireKeys: AcquireKeys
  acquireKeyVersions: AcquireKeyVersions
  randomBytes: (count: number) => Uint8Array
  randomUuid: () => string
  /** The W3C trace of the work under way; it travels with the event, outside of what is committed to. */
  traceparent?: () => string | undefined
}

const SCHEMA_VERSION = 1
const MONTH_CHARACTERS = 'YYYY-MM'.length

/** Events of one producer. All methods run on the caller's connection, in the caller's transaction. */
export class EventStore {
  constructor(private readonly options: EventStoreOptions) {}

  /** The subject under whose key events without a person are kept. */
  get deploymentId(): string {
    return this.options.deploymentId
  }

  /**
   * Appends events in the order given, with a handful of statements for any number of them.
   *
   * `held` are the current keys of all subjects where this transaction has acquired them before. Throws VersionConflict,
   * SubjectErased (of the key store) or a ZodError; nothing is then written.
   */
  async append(
    sql: ClientBase,
    events: readonly NewEvent[],
    held?: ReadonlyMap<string, SubjectKey>,
  ): Promise<AppendedEvent[]> {
    if (events.length === 0) return []
    for (const event of events) EVENT_SCHEMAS[event.type][SCHEMA_VERSION].parse(event.data)
    const subjectIds = events.map((event) => event.subjectId ?? this.options.deploymentId)
    const keys = held ?? (await this.options.acquireKeys(sql, subjectIds, { create: true }))
    const start = await beginAppend(sql, events, { ids: subjectIds, keys })
    const nextVersion = counting(start.versions)
    const nextTag = this.tags(start, keys)
    const rows = events.map((event, place) => {
      const subjectId = subjectIds[place]!
      const streamVersion = nextVersion(event.streamId)
      return this.row(event, { key: keys.get(subjectId)!, streamVersion, time: start.time, tag: nextTag(subjectId) })
    })
    await addEvents(sql, rows)
    return rows.map((row) => ({ ...pick(row), time: start.time }))
  }

  /** A stream's events in order; empty when there is no such stream. Private parts stay closed: see `openMany`. */
  async load(sql: ClientBase, streamId: string): Promise<StoredEvent[]> {
    const { rows } = await sql.query<StoredRow>({
      name: 'careseal-load-stream',
      text: `SELECT event_id, stream_id, stream_version, event_type, body FROM event
             WHERE stream_id = $1 ORDER BY stream_version`,
      values: [streamId],
    })
    return rows.map(storedEvent)
  }

  /** One event with its opening and private part, or why it does not open. Throws SealBroken at an altered row. */
  async open(sql: ClientBase, eventId: string): Promise<OpenedEvent | OpenRejection> {
    const opened = await this.openMany(sql, [eventId])
    return opened.get(eventId)!
  }

  /** As `open`, for many; locks the subjects' rows FOR SHARE ascending, so it comes before streams are locked. */
  async openMany(sql: ClientBase, eventIds: readonly string[]): Promise<Map<string, OpenedEvent | OpenRejection>> {
    return openEvents(sql, eventIds, this.options)
  }

  private row(
    event: NewEvent,
    made: { key: SubjectKey; streamVersion: number; time: string; tag: Uint8Array },
  ): EventRow & { body: Uint8Array } {
    const { randomBytes, origin } = this.options
    const id = event.id ?? this.options.randomUuid()
    const place = { origin, type: event.type, id, schema: SCHEMA_VERSION }
    const content = event.private === undefined ? undefined : commitPrivate(event.private, randomBytes)
    const body = bodyOf(event, { id, time: made.time, content: event.content ?? content?.commitment })
    const opening = randomBytes(32)
    return {
      id,
      streamId: event.streamId,
      streamVersion: made.streamVersion,
      type: event.type,
      schemaVersion: SCHEMA_VERSION,
      body,
      subjectId: made.key.subjectId,
      keyId: made.key.keyId,
      ciphertext: content ? sealPart(made.key, { ...place, part: 'private' }, content.bytes, randomBytes) : null,
      opening: sealPart(made.key, { ...place, part: 'opening' }, opening, randomBytes),
      tag: made.tag,
      commitment: eventCommitment(opening, event.type, body),
      traceparent: this.options.traceparent?.() ?? null,
    }
  }

  private tags(start: AppendStart, keys: ReadonlyMap<string, SubjectKey>): (subjectId: string) => Uint8Array {
    const month = start.time.slice(0, MONTH_CHARACTERS)
    const next = counting(start.counters)
    const tagKeys = new Map(
      [...start.counters.keys()].map((subjectId) => {
        return [subjectId, deriveTagKey(keys.get(subjectId)!.key, this.options.producer, subjectId, month)]
      }),
    )
    return (subjectId) => tagOf(tagKeys.get(subjectId)!, next(subjectId))
  }
}

function bodyOf(event: NewEvent, made: { id: string; time: string; content: Uint8Array | undefined }): Uint8Array {
  const body: EventBody = {
    id: made.id,
    type: event.type,
    schemaVersion: SCHEMA_VERSION,
    time: made.time,
    ...(made.content && { content: hex(made.content) }),
    data: withoutUndefined(event.data),
  }
  return canonicalBytes(body as unknown as JsonValue)
}

// Optional members are often built as `memberId: caller.memberId`; canonical JSON refuses undefined.
function withoutUndefined<T extends object>(data: T): T {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as T
}

function counting(start: ReadonlyMap<string, number>): (key: string) => number {
  const last = new Map(start)
  return (key) => {
    const next = last.get(key)! + 1
    last.set(key, next)
    return next
  }
}

function pick({ id, streamVersion, body }: EventRow): Omit<AppendedEvent, 'time'> {
  return { id, streamVersion, body }
}
