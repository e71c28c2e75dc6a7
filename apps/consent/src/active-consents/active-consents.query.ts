// Reads consents for decisions, and only ever under the patients' heads.
import type { ConsentRule } from '@careseal/consent-policy'
import type { Grantee } from '@careseal/contracts'
import type { Tx } from '@careseal/event-store'
import { In } from 'typeorm'
import { ActiveConsent } from './active-consent.entity.js'
import { passGates } from './head-gate.js'

export type ConsentsAtHead = { atMs: number; consents: Map<string, ConsentRule[]> }

/**
 * The active consents of each patient, none of which can change until this transaction ends.
 *
 * The patients' subject rows must be locked before (lock order: subject, consent head, streams, tag counters).
 * Three statements on purpose: a statement that locks the head and reads the consents returns, after it has waited for
 * a revocation, the new head with the old consents (READ COMMITTED re-reads only the locked row).
 */
export async function consentsAtHead({ sql, manager }: Tx, patientIds: readonly string[]): Promise<ConsentsAtHead> {
  const ids = [...new Set(patientIds)].toSorted()
  await passGates(sql, ids)
  await sql.query('INSERT INTO consent_head (patient_id) SELECT unnest($1::uuid[]) ORDER BY 1 ON CONFLICT DO NOTHING', [
    ids,
  ])
  await sql.query('SELECT 1 FROM consent_head WHERE patient_id = ANY ($1::uuid[]) ORDER BY patient_id FOR SHARE', [ids])
  const rows = await manager.findBy(ActiveConsent, { patientId: In(ids) })
  const clock = await sql.query<{ at: Date }>('SELECT clock_timestamp() AS at')
  return { atMs: clock.rows[0]!.at.getTime(), consents: rulesByPatient(rows) }
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
