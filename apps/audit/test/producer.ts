// Another service as audit sees it: it keeps events in its own schema, publishes them and answers for them.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Caller, EventData, EventType, Producer } from '@careseal/contracts'
import { base64, hex } from '@careseal/crypto'
import {
  EventStore,
  eventStoreSql,
  outboxHead,
  Relay,
  replayOutbox,
  transaction,
  type NewEvent,
} from '@careseal/event-store'
import { fileKms, keySchemaSql, SubjectKeys } from '@careseal/keys'
import { publishEvents, respond, type NatsConnection } from '@careseal/messaging'
import { deploymentIdOf } from '@careseal/nest-event-store'
import { dataSourceOptions } from '@careseal/service-kit'
import { Client, Pool } from 'pg'
import { DataSource } from 'typeorm'
import { ORIGIN } from './service.js'

type Place = { nc: NatsConnection; keyFile: string; url: string; ownerUrl: string }

export type TestProducer = Awaited<ReturnType<typeof startProducer>>

export async function startProducer(name: Producer, { nc, keyFile, url, ownerUrl }: Place) {
  const owner = new Client(ownerUrl)
  await owner.connect()
  await owner.query(keySchemaSql(name) + eventStoreSql(name))
  await owner.end()
  const dataSource = await new DataSource(dataSourceOptions({ url, service: name })).initialize()
  const pool = new Pool({ connectionString: url })
  const keys = new SubjectKeys({ kms: fileKms(keyFile), randomBytes, randomUuid: randomUUID })
  const store = new EventStore({
    producer: name,
    origin: ORIGIN,
    deploymentId: deploymentIdOf(ORIGIN),
    acquireKeys: (sql, ids, how) => keys.acquire(sql, ids, how),
    acquireKeyVersions: (sql, ids) => keys.acquireVersions(sql, ids),
    randomBytes,
    randomUuid: randomUUID,
  })
  const publish = (events: Parameters<typeof publishEvents>[1]) => publishEvents(nc, events)
  const relay = new Relay({ pool, producer: name, origin: ORIGIN, publish, pollMs: 10 })
  relay.start()
  /** What was asked of open-leaf, and where each leaf stands in the ledger once it is sealed. */
  const opened: { eventId: string; caller: Caller }[] = []
  const leafIndexes = new Map<string, number>()
  const responders = [
    respond(nc, name, 'outbox-head', async () => (await outboxHead(pool, name))!),
    respond(nc, name, 'replay-outbox', (asked) => replayOutbox(pool, asked)),
    respond(nc, name, 'open-leaf', (asked) => {
      opened.push(asked)
      return transaction(dataSource, async ({ sql }) => {
        const leaf = await store.open(sql, asked.eventId)
        if ('rejected' in leaf) return leaf
        const { rows } = await sql.query<{ seq: string; tag: Buffer; commitment: Buffer }>(
          'SELECT n.* FROM outbox_numbered n JOIN event e ON e.pk = n.event_pk WHERE e.event_id = $1',
          [asked.eventId],
        )
        const { seq, tag, commitment } = rows[0]!
        return {
          producer: name,
          seq: Number(seq),
          tag: hex(tag),
          commitment: hex(commitment),
          type: leaf.type,
          body: base64(leaf.body),
          opening: hex(leaf.opening),
          leafIndex: leafIndexes.get(asked.eventId) ?? null,
        }
      })
    }),
  ]
  return {
    opened,
    leafIndexes,
    /** Appends one event about its `patientId`; answers its id. */
    async append<T extends EventType>(type: T, data: EventData<T>): Promise<string> {
      const subjectId = 'patientId' in data ? (data.patientId ?? null) : null
      const event = { streamId: `test-${randomUUID()}`, type, data, subjectId } as NewEvent
      const [appended] = await transaction(dataSource, ({ sql }) => store.append(sql, [event]))
      relay.wake()
      return appended!.id
    },
    async stop() {
      await Promise.all(responders.map((responder) => responder.stop()))
      await relay.stop()
      await nc.drain()
      await pool.end()
      await dataSource.destroy()
    },
  }
}
