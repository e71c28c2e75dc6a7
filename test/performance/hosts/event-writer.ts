// Appends events as the records service does (its event store, its keys, its role), without HTTP in front of it. What is
// appended comes from the seed; keys, openings and ids of events do not, for they must be unguessable.
import { randomBytes, randomUUID } from 'node:crypto'
import { EventStore, type NewEvent } from '@careseal/event-store'
import { fileKms, SubjectKeys } from '@careseal/keys'
import { deploymentIdOf } from '@careseal/nest-event-store'
import { kmsKeyFile } from '@careseal/stack'
import { seededRandom, type SeededRandom } from '@careseal/synthetic'
import type { Pool, PoolClient } from 'pg'
import type { RunningStack } from './running-stack.js'

const SUBJECTS = 500
const PRODUCER = 'records'

export class EventWriter {
  readonly pool: Pool
  /** Bytes of the bodies that were written last. */
  bodyBytes = 0
  private readonly store: EventStore
  private readonly random: SeededRandom
  private readonly subjects: string[]
  private turn = 0

  constructor(stack: RunningStack, { connections, seed }: { connections: number; seed: string }) {
    const random = seededRandom(seed)
    this.random = random
    this.subjects = Array.from({ length: SUBJECTS }, () => random.uuid())
    this.pool = stack.pool(PRODUCER, connections)
    const origin = stack.state.ledgerOrigin
    const keys = new SubjectKeys({
      kms: fileKms(kmsKeyFile(stack.dataDir, PRODUCER)),
      randomBytes,
      randomUuid: randomUUID,
    })
    this.store = new EventStore({
      producer: PRODUCER,
      origin,
      deploymentId: deploymentIdOf(origin),
      acquireKeys: (sql, subjectIds, how) => keys.acquire(sql, subjectIds, how),
      acquireKeyVersions: (sql, keyIds) => keys.acquireVersions(sql, keyIds),
      randomBytes,
      randomUuid: randomUUID,
    })
  }

  /** Every subject has a key afterwards, so that none is made while measuring. */
  async warmUp(): Promise<void> {
    await this.batch(SUBJECTS)
  }

  /** Appends within a transaction of the caller. */
  async append(sql: PoolClient, count: number): Promise<void> {
    const events = Array.from({ length: count }, () => this.event())
    const appended = await this.store.append(sql, events)
    this.bodyBytes = appended[0]?.body.length ?? 0
  }

  /** One transaction. */
  async commit(work: (sql: PoolClient) => Promise<void>): Promise<void> {
    const sql = await this.pool.connect()
    try {
      await sql.query('BEGIN')
      await work(sql)
      await sql.query('COMMIT')
    } finally {
      sql.release()
    }
  }

  /** One transaction of so many events; one event is a command's. */
  batch(count: number): Promise<void> {
    return this.commit((sql) => this.append(sql, count))
  }

  private event(): NewEvent<'SearchPerformed'> {
    const subjectId = this.subjects[this.turn++ % SUBJECTS] as string
    return {
      streamId: `search-${this.random.uuid()}`,
      expectedVersion: 0,
      type: 'SearchPerformed',
      subjectId,
      data: {
        actorId: subjectId,
        role: 'practitioner',
        type: 'Observation',
        patientId: subjectId,
        purpose: 'TREAT',
        matches: this.turn % 100,
      },
    }
  }
}
