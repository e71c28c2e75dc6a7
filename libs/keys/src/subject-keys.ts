// A key is handed out only to a transaction that holds its subject's row FOR SHARE and saw it active: an erasure,
// which takes the row FOR UPDATE, therefore waits for every use and is seen by every later one.
import type { SubjectKey } from '@careseal/crypto'
import { LRUCache } from 'lru-cache'
import type { ClientBase } from 'pg'
import { bury, type BuriedKey } from './burial.js'
import type { Kms } from './kms.js'

/** The subject is erased; its keys are gone for good. The message names nobody. */
export class SubjectErased extends Error {
  readonly code = 'subject-erased'
  constructor(readonly subjectId: string) {
    super('the subject of this data is erased')
  }
}

export type SubjectKeysOptions = {
  kms: Kms
  randomBytes: (count: number) => Uint8Array
  randomUuid: () => string
  /** How long a plaintext key may stay in memory; at most 30 000 (privacy.md). */
  cacheTtlMs?: number
  cacheMax?: number
}

export type AcquireOptions = {
  /**
   * Create subject and key on first use, for an id in lower case; another throws RangeError. Without it, unknown
   * subjects are absent from the answer.
   */
  create: boolean
  /** What to do about an erased subject: throw `SubjectErased` (the default) or leave it out of the answer. */
  erased?: 'refuse' | 'omit'
}

type KeyRow = { subject_id: string; key_version: number; key_id: string; wrapped: Buffer }

type LockedRow = KeyRow & { state: string }

const CACHE_TTL_MS_MAX = 30_000

/** The keys of one service's subjects. All methods run in the caller's transaction, on the caller's connection. */
export class SubjectKeys {
  private readonly cache: LRUCache<string, Uint8Array>
  private readonly forgotten = new Set<string>()

  constructor(private readonly options: SubjectKeysOptions) {
    const ttl = options.cacheTtlMs ?? CACHE_TTL_MS_MAX
    if (ttl > CACHE_TTL_MS_MAX) throw new RangeError('plaintext keys may be cached for at most 30 seconds')
    this.cache = new LRUCache({ max: options.cacheMax ?? 10_000, ttl, ttlAutopurge: true, dispose: wipe })
  }

  /**
   * The current key of each subject, by subject id, after locking the subjects' rows FOR SHARE in ascending order.
   *
   * Take it before streams and tag counters: this is the first step of the lock order everywhere.
   */
  async acquire(
    sql: ClientBase,
    subjectIds: readonly string[],
    options: AcquireOptions,
  ): Promise<Map<string, SubjectKey>> {
    const wanted = this.remembered(ascending(subjectIds), options)
    let rows = await lockShared(sql, wanted, options)
    if (options.create && rows.length < wanted.length) {
      await this.createMissing(sql, missing(wanted, rows))
      rows = await lockShared(sql, wanted, options)
    }
    return new Map(await Promise.all(rows.filter(isActive).map((row) => this.unwrapNamed(row.subject_id, row))))
  }

  /**
   * Older or current versions by key id, for opening what was written under them. Locks like `acquire`; keys of
   * erased or unknown subjects are absent from the answer. Outside of a transaction it waits for an erasure that is under
   * way and is seen by no later one: for what is opened at once.
   */
  async acquireVersions(sql: Pick<ClientBase, 'query'>, keyIds: readonly string[]): Promise<Map<string, SubjectKey>> {
    const rows = (await lockVersions(sql, keyIds)).filter((row) => !this.forgotten.has(row.subject_id))
    return new Map(await Promise.all(rows.map((row) => this.unwrapNamed(row.key_id, row))))
  }

  /** Adds a key version that every write from now on uses; older versions stay for reading. */
  async rotate(sql: ClientBase, subjectId: string): Promise<void> {
    const found = await sql.query<{ state: string }>('SELECT state FROM subject WHERE subject_id = $1 FOR UPDATE', [
      subjectId,
    ])
    if (found.rows[0]?.state !== 'active') throw new SubjectErased(subjectId)
    const [current] = await currentKeys(sql, [subjectId])
    await this.insertKeys(sql, [{ subjectId, keyVersion: (current?.key_version ?? 0) + 1 }])
  }

  /**
   * Destroys every version of these keys' subjects and tombstones the subjects, also those that this service never met.
   *
   * Runs as `<service>_eraser`; idempotent. Other processes may hold a plaintext key until their cache's TTL is over,
   * yet no new transaction of theirs gets it, because each asks the subject's row first.
   */
  async destroy(sql: ClientBase, buried: readonly BuriedKey[]): Promise<{ keyIds: string[] }> {
    const { keyIds } = await bury(sql, buried)
    for (const keyId of keyIds) this.cache.delete(keyId)
    return { keyIds }
  }

  /**
   * From now on this process refuses these subjects, whatever its database says: a key schema may be put back beneath a
   * running service. Cached keys of theirs are dropped.
   */
  forget(buried: readonly BuriedKey[]): void {
    for (const { subjectId, key } of buried) {
      this.forgotten.add(subjectId)
      if (key) this.cache.delete(key.id)
    }
  }

  private remembered(subjectIds: string[], options: AcquireOptions): string[] {
    const forgotten = subjectIds.find((subjectId) => this.forgotten.has(subjectId))
    if (forgotten !== undefined && options.erased !== 'omit') throw new SubjectErased(forgotten)
    return forgotten === undefined ? subjectIds : subjectIds.filter((subjectId) => !this.forgotten.has(subjectId))
  }

  // Whoever inserts the subject also inserts its key, in one transaction: nobody ever sees a subject without one.
  private async createMissing(sql: ClientBase, subjectIds: string[]): Promise<void> {
    assertLowerCase(subjectIds)
    const inserted = await sql.query<{ subject_id: string }>(
      `INSERT INTO subject (subject_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING subject_id`,
      [subjectIds],
    )
    await this.insertKeys(
      sql,
      inserted.rows.map((row) => ({ subjectId: row.subject_id, keyVersion: 1 })),
    )
  }

  private async insertKeys(sql: ClientBase, keys: { subjectId: string; keyVersion: number }[]): Promise<void> {
    if (keys.length === 0) return
    const rows = await Promise.all(keys.map((key) => this.newKey(key.subjectId, key.keyVersion)))
    await sql.query(
      `INSERT INTO subject_key (subject_id, key_version, key_id, kms_key_id, wrapped)
       SELECT s, v, k, $4, w FROM unnest($1::text[], $2::int[], $3::uuid[], $5::bytea[]) AS t (s, v, k, w)`,
      [
        rows.map((row) => row.subjectId),
        rows.map((row) => row.keyVersion),
        rows.map((row) => row.keyId),
        this.options.kms.keyId,
        rows.map((row) => row.wrapped),
      ],
    )
  }

  private async newKey(subjectId: string, keyVersion: number) {
    const keyId = this.options.randomUuid()
    const key = this.options.randomBytes(32)
    const wrapped = Buffer.from(await this.options.kms.wrap(key, wrapAad({ subjectId, keyId, keyVersion })))
    return { subjectId, keyVersion, keyId, wrapped }
  }

  private async unwrapNamed(name: string, row: KeyRow): Promise<[string, SubjectKey]> {
    return [name, await this.unwrap(row)]
  }

  private async unwrap(row: KeyRow): Promise<SubjectKey> {
    const named = { subjectId: row.subject_id, keyId: row.key_id, keyVersion: row.key_version }
    const cached = this.cache.get(row.key_id)
    const key = cached ?? (await this.options.kms.unwrap(row.wrapped, wrapAad(named)))
    if (!cached) this.cache.set(row.key_id, Uint8Array.from(key))
    return { ...named, key: Uint8Array.from(key) }
  }
}

function wrapAad(named: { subjectId: string; keyId: string; keyVersion: number }): Uint8Array {
  const { subjectId, keyId, keyVersion } = named
  return Buffer.from(JSON.stringify(['careseal/v1/subject-key', subjectId, keyId, keyVersion]))
}

// The current key of each subject that exists, its row locked FOR SHARE, ascending; an erased one has none.
async function lockShared(sql: ClientBase, subjectIds: string[], options: AcquireOptions): Promise<LockedRow[]> {
  if (subjectIds.length === 0) return []
  const { rows } = await sql.query<LockedRow>({
    name: 'careseal-lock-subjects',
    text: 'SELECT subject_id, state, key_version, key_id, wrapped FROM lock_subjects($1::text[])',
    values: [subjectIds],
  })
  const erased = rows.find((row) => !isActive(row))
  if (erased && options.erased !== 'omit') throw new SubjectErased(erased.subject_id)
  return rows
}

function isActive({ state }: LockedRow): boolean {
  return state === 'active'
}

function missing(wanted: string[], rows: LockedRow[]): string[] {
  const found = new Set(rows.map((row) => row.subject_id))
  return wanted.filter((subjectId) => !found.has(subjectId))
}

// A uuid column takes both spellings for one id, and this text does not: the other would be a subject of its own, which
// no erasure of the first reaches.
function assertLowerCase(subjectIds: readonly string[]): void {
  if (subjectIds.every((subjectId) => subjectId === subjectId.toLowerCase())) return
  throw new RangeError('a subject id must be in lower case; whoever takes one from a request brings it into that form')
}

async function currentKeys(sql: ClientBase, subjectIds: string[]): Promise<KeyRow[]> {
  if (subjectIds.length === 0) return []
  const { rows } = await sql.query<KeyRow>(
    `SELECT DISTINCT ON (subject_id) subject_id, key_version, key_id, wrapped FROM subject_key
     WHERE subject_id = ANY ($1::text[]) ORDER BY subject_id, key_version DESC`,
    [subjectIds],
  )
  return rows
}

async function lockVersions(sql: Pick<ClientBase, 'query'>, keyIds: readonly string[]): Promise<KeyRow[]> {
  if (keyIds.length === 0) return []
  const { rows } = await sql.query<KeyRow>({
    name: 'careseal-lock-key-versions',
    text: 'SELECT subject_id, key_version, key_id, wrapped FROM lock_key_versions($1::uuid[])',
    values: [keyIds],
  })
  return rows
}

function ascending(subjectIds: readonly string[]): string[] {
  return [...new Set(subjectIds)].toSorted((a, b) => (a < b ? -1 : 1))
}

function wipe(key: Uint8Array): void {
  key.fill(0)
}
