// What this library's tests share: keys in memory instead of a key store, events of made-up ids, a database to fill.
// Not exported by the library.
import type { SubjectKey } from '@careseal/crypto'
import { randomBytes, randomUUID } from 'node:crypto'
import { Client, Pool, type ClientBase } from 'pg'
import { eventStoreSql } from '../event-store-schema.js'
import { EventStore } from '../event-store.js'
import type { NewEvent } from '../event.js'

export const ORIGIN = 'test.invalid/ledger'
export const PRODUCER = 'records'
export const DEPLOYMENT = randomUUID()

/** Stands in for the key store, which has tests of its own. */
export class MemoryKeys {
  private readonly keys = new Map<string, SubjectKey>()
  private readonly erased = new Set<string>()

  acquire = async (_sql: ClientBase, subjectIds: readonly string[]): Promise<Map<string, SubjectKey>> => {
    if (subjectIds.some((subjectId) => this.erased.has(subjectId))) throw new Error('the subject is erased')
    return new Map(subjectIds.map((subjectId) => [subjectId, this.keyOf(subjectId)]))
  }

  acquireVersions = async (_sql: ClientBase, keyIds: readonly string[]): Promise<Map<string, SubjectKey>> => {
    const known = [...this.keys.values()].filter((key) => keyIds.includes(key.keyId) && !this.erased.has(key.subjectId))
    return new Map(known.map((key) => [key.keyId, key]))
  }

  erase(subjectId: string): void {
    this.erased.add(subjectId)
  }

  keyOf(subjectId: string): SubjectKey {
    const known = this.keys.get(subjectId)
    if (known) return known
    const made = { subjectId, keyId: randomUUID(), keyVersion: 1, key: new Uint8Array(randomBytes(32)) }
    this.keys.set(subjectId, made)
    return made
  }
}

export function memoryStore(
  keys = new MemoryKeys(),
  traceparent?: () => string | undefined,
): { store: EventStore; keys: MemoryKeys } {
  const store = new EventStore({
    producer: PRODUCER,
    origin: ORIGIN,
    deploymentId: DEPLOYMENT,
    acquireKeys: keys.acquire,
    acquireKeyVersions: keys.acquireVersions,
    randomBytes,
    randomUuid: randomUUID,
    ...(traceparent && { traceparent }),
  })
  return { store, keys }
}

export function searchPerformed(overrides: Partial<NewEvent<'SearchPerformed'>> = {}): NewEvent<'SearchPerformed'> {
  return {
    streamId: `search-${randomUUID()}`,
    type: 'SearchPerformed',
    subjectId: randomUUID(),
    data: { actorId: randomUUID(), role: 'practitioner', type: 'Observation', purpose: 'TREAT', matches: 3 },
    ...overrides,
  }
}

export type TestDatabase = {
  pool: Pool
  /** A connection as the service's role, as the owner, or as a superuser who acts as the eraser. */
  connect(as: 'service' | 'owner' | 'admin' | 'eraser'): Promise<Client>
  empty(): Promise<void>
  end(): Promise<void>
}

type Urls = { adminUrl: string; url: string; ownerUrl: string }

/** Makes the producer's tables in a provisioned database. */
export async function testDatabase({ adminUrl, url, ownerUrl }: Urls): Promise<TestDatabase> {
  const clients: Client[] = []
  const pool = new Pool({ connectionString: url, max: 20 })
  pool.on('error', () => {})
  const connect = async (as: 'service' | 'owner' | 'admin' | 'eraser') => {
    const client = new Client({ service: url, owner: ownerUrl, admin: adminUrl, eraser: adminUrl }[as])
    client.on('error', () => {})
    await client.connect()
    clients.push(client)
    if (as === 'admin' || as === 'eraser') await client.query(`SET search_path = ${PRODUCER}, ${PRODUCER}_keys`)
    if (as === 'eraser') await client.query(`SET ROLE ${PRODUCER}_eraser`)
    return client
  }
  await (await connect('owner')).query(eventStoreSql(PRODUCER))
  const admin = await connect('admin')
  return {
    pool,
    connect,
    empty: async () => void (await emptyTables(admin)),
    end: async () => {
      await pool.end()
      for (const client of clients) await client.end().catch(() => undefined)
    },
  }
}

// Triggers refuse TRUNCATE to everybody, so the superuser switches them off for this session.
async function emptyTables(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ tablename: string }>('SELECT tablename FROM pg_tables WHERE schemaname = $1', [
    PRODUCER,
  ])
  await admin.query('SET session_replication_role = replica')
  await admin.query(`TRUNCATE ${rows.map((row) => row.tablename).join(', ')}`)
  await admin.query('SET session_replication_role = origin')
}

export async function inTransaction<T>(pool: Pool, work: (sql: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}
