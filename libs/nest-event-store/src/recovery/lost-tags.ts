// Whose leaves were lost? The tag of a leaf is a MAC of its subject's counter, so whoever holds the subject's key can
// tell its leaves among all that are missing; nobody else can.
import { deriveTagKey, hex, tagOf } from '@careseal/crypto'
import type { SubjectKeys } from '@careseal/keys'
import type { ClientBase } from 'pg'
import type { RecoveredChain } from './recover-producer.js'

/** A subject's tags follow one another without a gap; a few more are tried all the same. */
const SLACK = 8
const SUBJECTS_PER_PAGE = 500
const MONTHS_MAX = 36

/**
 * Those of the subjects of whom a lost leaf is, or of whom it cannot be told because the copy lacks their key. Locks the
 * subjects' rows FOR SHARE; erased ones are left out.
 */
export async function subjectsOfLostLeaves(
  sql: ClientBase,
  keys: SubjectKeys,
  { chains, subjectIds }: { chains: readonly RecoveredChain[]; subjectIds: readonly string[] },
): Promise<string[]> {
  if (!chains.some(hasLost)) return []
  const found: string[] = []
  const months = await monthsSinceLastEvent(sql)
  for (let at = 0; at < subjectIds.length; at += SUBJECTS_PER_PAGE) {
    const page = subjectIds.slice(at, at + SUBJECTS_PER_PAGE)
    const known = await keys.acquire(sql, page, { create: false, erased: 'omit' })
    const erased = await erasedOf(sql, page)
    const counters = await countersOf(sql, page)
    for (const subjectId of page.filter((one) => !erased.has(one))) {
      const key = known.get(subjectId)
      const last = (month: string) => counters.get(`${subjectId} ${month}`) ?? 0
      const isHit = !key || chains.some((chain) => isAmongLost(chain, { key: key.key, subjectId, months, last }))
      if (isHit) found.push(subjectId)
    }
  }
  return found
}

type Subject = { key: Uint8Array; subjectId: string; months: readonly string[]; last: (month: string) => number }

function hasLost({ leaves }: RecoveredChain): boolean {
  return leaves.some(({ source }) => source === 'lost')
}

function isAmongLost(chain: RecoveredChain, { key, subjectId, months, last }: Subject): boolean {
  const { producer, before, leaves } = chain
  // Of a chain that the copy never met nobody knows where the counters stood when it began: then it may be anybody's.
  if (before === 0) return hasLost(chain)
  const sourceOf = new Map(leaves.map(({ tag, source }) => [tag, source]))
  return months.some((month) => {
    const tagKey = deriveTagKey(key, producer, subjectId, month)
    for (let n = last(month) + 1, misses = 0; misses < SLACK; n++) {
      const source = sourceOf.get(hex(tagOf(tagKey, n)))
      if (source === 'lost') return true
      misses = source === undefined ? misses + 1 : 0
    }
    return false
  })
}

async function erasedOf(sql: ClientBase, subjectIds: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql.query<{ subject_id: string }>(
    `SELECT subject_id FROM subject WHERE subject_id = ANY ($1) AND state <> 'active'`,
    [subjectIds],
  )
  return new Set(rows.map((row) => row.subject_id))
}

async function countersOf(sql: ClientBase, subjectIds: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ subject_id: string; month: string; n: string }>(
    'SELECT subject_id, month, max(n) AS n FROM tag_counter WHERE subject_id = ANY ($1) GROUP BY 1, 2',
    [subjectIds],
  )
  return new Map(rows.map(({ subject_id, month, n }) => [`${subject_id} ${month}`, Number(n)]))
}

/** The months in which lost events can have been committed, from that of the copy's last own event to now. */
async function monthsSinceLastEvent(sql: ClientBase): Promise<string[]> {
  const { rows } = await sql.query<{ month: string }>(
    `SELECT to_char(m, 'YYYY-MM') AS month FROM generate_series(
       greatest(date_trunc('month', coalesce((SELECT max(e.recorded_at) FROM event e JOIN event_private p ON p.event_pk = e.pk),
                                             now()) AT TIME ZONE 'UTC'),
                date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => $1)),
       now() AT TIME ZONE 'UTC', interval '1 month') AS m`,
    [MONTHS_MAX - 1],
  )
  return rows.map(({ month }) => month)
}
