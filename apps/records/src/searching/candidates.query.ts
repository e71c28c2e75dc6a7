// Which resources may match, found by the blind indexes; whether they do is decided on decrypted values.
import type { ClientBase } from 'pg'
import { headOf } from '../versions/version.query.js'
import type { ResourceHead } from '../versions/version.js'

export type CandidateScope = {
  type: string
  /** Resources of these patients. */
  patientIds: readonly string[]
  /** Also resources that concern no patient. */
  withoutPatient: boolean
  ids: readonly string[] | undefined
  /** Each group must be met by one of its entries in the blind index. */
  macs: readonly (readonly Buffer[])[]
}

/** A resource that may match, and how long its present version is. */
export type Candidate = ResourceHead & { bytes: number }

/** The next candidates in the order of pages, after a position. */
export async function candidatesAfter(
  sql: Pick<ClientBase, 'query'>,
  scope: CandidateScope,
  page: { after: string; limit: number },
): Promise<Candidate[]> {
  const found = [
    ...(scope.patientIds.length > 0 ? await ofPatients(sql, scope, page) : []),
    ...(scope.withoutPatient ? await ofNobody(sql, scope, page) : []),
  ]
  return found.toSorted((a, b) => Number(BigInt(a.ordinal) - BigInt(b.ordinal))).slice(0, page.limit)
}

type Page = { after: string; limit: number }
type Row = Parameters<typeof headOf>[0] & { bytes: number }

// The length stands in the row, so no content is fetched for it.
const HEAD_AND_BYTES = 'r.*, coalesce(octet_length(v.ciphertext), 0) AS bytes'

async function ofPatients(
  sql: Pick<ClientBase, 'query'>,
  { type, patientIds, ids, macs }: CandidateScope,
  { after, limit }: Page,
): Promise<Candidate[]> {
  const groups = macs.map(
    (_, index) => `AND EXISTS (SELECT FROM token t WHERE t.patient_id = p.patient_id AND t.type = p.type
      AND t.id = p.id AND t.mac = ANY ($${index + 6}::bytea[]))`,
  )
  const { rows } = await sql.query<Row>(
    `SELECT ${HEAD_AND_BYTES} FROM (
       SELECT DISTINCT p.ordinal, p.id FROM patient_resource p
       WHERE p.type = $1 AND p.patient_id = ANY ($2::uuid[]) AND p.ordinal > $3
         AND ($5::uuid[] IS NULL OR p.id = ANY ($5)) ${groups.join(' ')}
       ORDER BY p.ordinal LIMIT $4) c
     JOIN resource r ON r.type = $1 AND r.id = c.id JOIN version v USING (version_id) ORDER BY c.ordinal`,
    [type, patientIds, after, limit, ids ?? null, ...macs],
  )
  return rows.map(candidateOf)
}

async function ofNobody(
  sql: Pick<ClientBase, 'query'>,
  { type, ids }: CandidateScope,
  { after, limit }: Page,
): Promise<Candidate[]> {
  const { rows } = await sql.query<Row>(
    `SELECT ${HEAD_AND_BYTES} FROM resource r JOIN version v USING (version_id)
     WHERE r.type = $1 AND r.patient_ids = '{}' AND NOT r.deleted AND r.ordinal > $2
       AND ($4::uuid[] IS NULL OR r.id = ANY ($4)) ORDER BY r.ordinal LIMIT $3`,
    [type, after, limit, ids ?? null],
  )
  return rows.map(candidateOf)
}

function candidateOf(row: Row): Candidate {
  return { ...headOf(row), bytes: row.bytes }
}
