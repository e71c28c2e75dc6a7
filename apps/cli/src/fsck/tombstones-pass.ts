// A destroyed key stays destroyed in whatever copy a service runs on. Read from the signer's own files and from the
// services' tables, by code of its own. Keys and events are named, subjects never.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { Check } from './report.js'

/** Of one service: keys by id, and subjects, with or without keys. */
type Destroyed = { subjects: Set<string>; keys: Set<string> }

export type TombstonesPassInput = {
  sql: ClientBase
  schemas: readonly string[]
  /** The signer's folder; without it only what the services themselves say is compared. */
  signerDir?: string
}

export async function tombstonesPass({ sql, schemas, signerDir }: TombstonesPassInput): Promise<Check[]> {
  const left = new Check('no key and no private part of a destroyed subject is left', ['I16', 'I22'], true)
  const same = new Check('the signer and the services know the same destroyed keys', ['I16', 'I22'], true)
  const signer = signerDir === undefined ? undefined : await signersOwn(signerDir, same)
  for (const schema of schemas) {
    const own = await servicesOwn(sql, schema)
    const told = signer?.get(schema) ?? nothing()
    await expectNothingLeft(sql, schema, { subjects: new Set([...own.subjects, ...told.subjects]), check: left })
    if (signer) expectSame(schema, { own, told, check: same })
  }
  return signer ? [left, same] : [left]
}

async function expectNothingLeft(
  sql: ClientBase,
  schema: string,
  { subjects, check }: { subjects: Set<string>; check: Check },
): Promise<void> {
  check.checked += subjects.size
  const left = await sql.query<{ place: string }>(
    `SELECT 'key ' || key_id AS place FROM ${schema}_keys.subject_key WHERE subject_id = ANY ($1::text[])
     UNION ALL
     SELECT 'event ' || event_id FROM ${schema}.event_private JOIN ${schema}.event ON pk = event_pk
     WHERE subject_id = ANY ($1::text[])`,
    [[...subjects]],
  )
  for (const { place } of left.rows) {
    const where = `${schema} ${place}`
    check.expect(false, () => ({ invariant: 'I22', what: 'its subject was destroyed, and it is there', where }))
  }
}

type Compared = { own: Destroyed; told: Destroyed; check: Check }

function expectSame(schema: string, { own, told, check }: Compared): void {
  check.checked += own.keys.size + own.subjects.size
  const tell = (what: string, where: string) =>
    check.expect(false, () => ({ invariant: 'I22', what, where: `${schema} ${where}` }))
  for (const key of without(own.keys, told.keys)) tell('the signer does not know it as destroyed', `key ${key}`)
  for (const key of without(told.keys, own.keys)) tell('the service does not know it as destroyed', `key ${key}`)
  const [missed, extra] = [without(told.subjects, own.subjects).length, without(own.subjects, told.subjects).length]
  if (missed > 0) tell(`${missed} that the signer knows are not erased here`, 'subjects')
  if (extra > 0) tell(`${extra} that are erased here are unknown to the signer`, 'subjects')
}

function without(these: Set<string>, those: Set<string>): string[] {
  return [...these].filter((one) => !those.has(one))
}

async function servicesOwn(sql: ClientBase, schema: string): Promise<Destroyed> {
  const keys = await sql.query<{ key_id: string; subject_id: string }>(
    `SELECT key_id, subject_id FROM ${schema}_keys.tombstone`,
  )
  const subjects = await sql.query<{ subject_id: string }>(
    `SELECT subject_id FROM ${schema}_keys.subject WHERE state = 'erased'`,
  )
  return {
    keys: new Set(keys.rows.map((row) => row.key_id)),
    subjects: new Set([...keys.rows, ...subjects.rows].map((row) => row.subject_id)),
  }
}

/** What counts of the signer's lines, by service: the head says how many bytes, and what they hash to. */
async function signersOwn(folder: string, check: Check): Promise<Map<string, Destroyed>> {
  const head = JSON.parse(await textOf(join(folder, 'tombstones-head.json'), '{"bytes":0}')) as Head
  const lines = Buffer.from(await textOf(join(folder, 'tombstones.jsonl'), '')).subarray(0, head.bytes)
  const hash = createHash('sha256').update(lines).digest('hex')
  check.expect(hash === head.sha256, () => ({
    invariant: 'I22',
    what: 'they are missing, or not what the signer acknowledged',
    where: 'tombstones of the signer',
  }))
  const found = new Map<string, Destroyed>()
  for (const line of lines.toString().split('\n').filter(Boolean)) {
    const [service, subject, key] = JSON.parse(line) as [string, string, string | null]
    const destroyed = found.get(service) ?? nothing()
    found.set(service, destroyed)
    destroyed.subjects.add(subject)
    if (key !== null) destroyed.keys.add(key)
  }
  return found
}

type Head = { bytes: number; sha256?: string }

async function textOf(path: string, otherwise: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return otherwise
    throw error
  })
}

function nothing(): Destroyed {
  return { subjects: new Set(), keys: new Set() }
}
