// Reads consents for decisions, and only ever under the patients' heads.
import type { ConsentRule } from '@careseal/consent-policy'
import type { Grantee } from '@careseal/contracts'
import type { Tx } from '@careseal/event-store'
import type { ClientBase } from 'pg'
import { In } from 'typeorm'
import { ActiveConsent } from './active-consent.entity.js'
import { passGates } from './head-gate.js'

export type ConsentsAtHead = { atMs: number; consents: Map<string, ConsentRule[]> }

/**
 * The active consents of each patient, none of which can change until this transaction ends.
 *
 * The patients' subject rows must be locked before (lock order: subject, consent head, streams, tag counters).
 * The consents are read in a statement after the lock: one statement that locks the head and reads the consents
 * returns, when it had to wait for a revocation, the new head with the old consents (READ COMMITTED re-reads only the
 * locked row).
 */
export async function consentsAtHead({ sql, manager }: Tx, patientIds: readonly string[]): Promise<ConsentsAtHead> {
  const ids = [...new Set(patientIds)].toSorted()
  if (ids.length === 0) return { atMs: 0, consents: new Map() }
  await passGates(sql, ids)
  const atMs = await lockHeads(sql, ids)
  const rows = await manager.findBy(ActiveConsent, { patientId: In(ids) })
  return { atMs, consents: rulesByPatient(rows) }
}

/** Locks the heads FOR SHARE, ascending, after making those that are missing. Answers the time at the last lock. */
async function lockHeads(sql: ClientBase, ids: readonly string[]): Promise<number> {
  const lock = () =>
    sql.query<{ at: Date }>(
      `SELECT clock_timestamp() AS at FROM consent_head WHERE patient_id = ANY ($1::uuid[])
       ORDER BY patient_id FOR SHARE`,
      [ids],
    )
  let { rows } = await lock()
  if (rows.length < ids.length) {
    const insert = 'INSERT INTO consent_head (patient_id) SELECT unnest($1::uuid[]) ORDER BY 1 ON CONFLICT DO NOTHING'
    await sql.query(insert, [ids])
    rows = (await lock()).rows
  }
  return Math.max(...rows.map(({ at }) => at.getTime()))
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
