// Reads consents for decisions, and only ever under the patients' heads.
import type { ConsentRule } from '@careseal/consent-policy'
import type { Grantee } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import type { ActiveConsent } from './active-consent.entity.js'

export type ConsentsAtHead = { atMs: number; consents: Map<string, ConsentRule[]> }

/**
 * The active consents of each patient, none of which can change until this transaction ends.
 *
 * The patients' subject rows must be locked before (lock order: subject, consent head, streams, tag counters).
 * The consents are read in a statement after the lock: one statement that locks the head and reads the consents
 * returns, when it had to wait for a revocation, the new head with the old consents (READ COMMITTED re-reads only the
 * locked row).
 */
export async function consentsAtHead(sql: ClientBase, patientIds: readonly string[]): Promise<ConsentsAtHead> {
  const ids = [...new Set(patientIds)]
  if (ids.length === 0) return { atMs: 0, consents: new Map() }
  const atMs = await lockHeads(sql, ids)
  const rows = await consentsOf(sql, ids)
  return { atMs, consents: rulesByPatient(rows) }
}

async function lockHeads(sql: ClientBase, ids: readonly string[]): Promise<number> {
  const { rows } = await sql.query<{ at: Date }>({
    name: 'careseal-lock-heads',
    text: 'SELECT lock_heads($1::uuid[]) AS at',
    values: [ids],
  })
  return rows[0]!.at.getTime()
}

async function consentsOf(sql: ClientBase, ids: readonly string[]): Promise<ActiveConsent[]> {
  const { rows } = await sql.query<ActiveConsent>({
    name: 'careseal-consents-of',
    text: `SELECT consent_id AS "consentId", version_id AS "versionId", patient_id AS "patientId", effect, grantees,
                  purposes, period_start AS "periodStart", period_end AS "periodEnd", revision
           FROM consents_of($1::uuid[])`,
    values: [ids],
  })
  return rows
}

export function rulesByPatient(rows: readonly ActiveConsent[]): Map<string, ConsentRule[]> {
  const byPatient = Map.groupBy(rows, ({ patientId }) => patientId)
  return new Map([...byPatient].map(([patientId, own]) => [patientId, own.map(ruleFromRow)]))
}

function ruleFromRow(row: ActiveConsent): ConsentRule {
  return {
    consentId: row.consentId,
    versionId: row.versionId,
    effect: row.effect,
    grantees: row.grantees.map(parseGrantee),
    purposes: row.purposes,
    ...(row.periodStart === null ? {} : { periodStartMs: row.periodStart.getTime() }),
    ...(row.periodEnd === null ? {} : { periodEndMs: row.periodEnd.getTime() }),
    revision: Number(row.revision),
  }
}

/** A grantee as the read models name it: `practitioner/<id>`. */
export function granteeName({ kind, id }: Grantee): string {
  return `${kind}/${id}`
}

function parseGrantee(name: string): Grantee {
  const [kind = '', id = ''] = name.split('/')
  return { kind: kind as Grantee['kind'], id }
}
