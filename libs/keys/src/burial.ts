// The SQL of destroying keys, for any number of subjects at once. All of it runs as `<service>_eraser`, in a transaction
// that holds the subjects' rows FOR UPDATE: it waits for whoever uses a key and is seen by whoever comes later.
import type { ClientBase } from 'pg'

/** A destroyed key, or with `key: null` a subject of whom there was none. */
export type BuriedKey = { subjectId: string; key: { id: string; version: number } | null }

type KeyRow = { subject_id: string; key_id: string; key_version: number }

/** Takes the rows of these subjects, unknown ones too, FOR UPDATE in ascending order. */
export async function lockForErasure(sql: ClientBase, subjectIds: readonly string[]): Promise<void> {
  await sql.query(
    `INSERT INTO subject (subject_id) SELECT DISTINCT unnest($1::text[]) AS id ORDER BY id ON CONFLICT DO NOTHING`,
    [subjectIds],
  )
  await sql.query('SELECT 1 FROM subject WHERE subject_id = ANY ($1::text[]) ORDER BY subject_id FOR UPDATE', [
    subjectIds,
  ])
}

/** Every key that these subjects have or had; one entry without a key for whoever never had one. */
export async function keysEverOf(sql: ClientBase, subjectIds: readonly string[]): Promise<BuriedKey[]> {
  const { rows } = await sql.query<KeyRow>(
    `SELECT subject_id, key_id, key_version FROM subject_key WHERE subject_id = ANY ($1::text[])
     UNION SELECT subject_id, key_id, key_version FROM tombstone WHERE subject_id = ANY ($1::text[]) ORDER BY 1, 3`,
    [subjectIds],
  )
  const known = new Set(rows.map((row) => row.subject_id))
  const without = [...new Set(subjectIds)].filter((subjectId) => !known.has(subjectId))
  return [...rows.map(buriedKey), ...without.map((subjectId) => ({ subjectId, key: null }))]
}

/** Deletes all keys of these subjects, marks them erased and keeps a tombstone of each key, also of those named only. */
export async function bury(sql: ClientBase, buried: readonly BuriedKey[]): Promise<{ keyIds: string[] }> {
  const subjectIds = [...new Set(buried.map(({ subjectId }) => subjectId))]
  const named = buried.flatMap(({ subjectId, key }) => (key ? [{ subjectId, ...key }] : []))
  await lockForErasure(sql, subjectIds)
  const gone = await sql.query<KeyRow>(
    'DELETE FROM subject_key WHERE subject_id = ANY ($1::text[]) RETURNING subject_id, key_id, key_version',
    [subjectIds],
  )
  const keys = [
    ...named,
    ...gone.rows.map(({ subject_id, key_id, key_version }) => ({
      subjectId: subject_id,
      id: key_id,
      version: key_version,
    })),
  ]
  await sql.query(
    `INSERT INTO tombstone (subject_id, key_id, key_version)
     SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[]) ON CONFLICT DO NOTHING`,
    [keys.map((key) => key.subjectId), keys.map((key) => key.id), keys.map((key) => key.version)],
  )
  await sql.query(`UPDATE subject SET state = 'erased' WHERE subject_id = ANY ($1::text[]) AND state = 'active'`, [
    subjectIds,
  ])
  return { keyIds: [...new Set(keys.map((key) => key.id))] }
}

/** All that this database knows to be destroyed, in the form in which the signer keeps it. */
export async function allBuried(sql: Pick<ClientBase, 'query'>): Promise<BuriedKey[]> {
  const { rows } = await sql.query<{ subject_id: string; key_id: string | null; key_version: number | null }>(
    `SELECT subject_id, key_id, key_version FROM subject LEFT JOIN tombstone USING (subject_id)
     WHERE state = 'erased' ORDER BY subject_id, key_version`,
  )
  return rows.map(({ subject_id, key_id, key_version }) => ({
    subjectId: subject_id,
    key: key_id === null || key_version === null ? null : { id: key_id, version: key_version },
  }))
}

function buriedKey({ subject_id, key_id, key_version }: KeyRow): BuriedKey {
  return { subjectId: subject_id, key: { id: key_id, version: key_version } }
}
