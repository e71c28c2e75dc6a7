// Keeps `active_consent` in the very transaction that appends the event: a decision is never taken from a copy that
// lags behind.
import type { Tx } from '@careseal/event-store'
import type { ConsentEvent } from '../consent/consent.decider.js'
import { ActiveConsent } from './active-consent.entity.js'
import { granteeName } from './active-consents.query.js'
import { closeGate } from './head-gate.js'

/**
 * Takes the patient's consent head FOR UPDATE, which waits for every decision under way; answers the head's revision
 * and the transaction's time.
 */
export async function lockHeadForChange({ sql }: Tx, patientId: string): Promise<{ revision: number; now: Date }> {
  await closeGate(sql, patientId)
  await sql.query('INSERT INTO consent_head (patient_id) VALUES ($1) ON CONFLICT DO NOTHING', [patientId])
  const { rows } = await sql.query<{ revision: string; now: Date }>(
    'SELECT revision, now() AS now FROM consent_head WHERE patient_id = $1 FOR UPDATE',
    [patientId],
  )
  return { revision: Number(rows[0]!.revision), now: rows[0]!.now }
}

/** Applies one event under the head that `lockHeadForChange` holds. */
export async function projectConsent(tx: Tx, event: ConsentEvent, revision: number): Promise<void> {
  const { consentId, patientId } = event.data
  if (event.type === 'ConsentRevoked') await tx.manager.delete(ActiveConsent, { consentId })
  else await tx.manager.upsert(ActiveConsent, rowOf(event.data, revision), ['consentId'])
  await tx.sql.query('UPDATE consent_head SET revision = $2 WHERE patient_id = $1', [patientId, revision])
}

function rowOf(data: Extract<ConsentEvent, { type: 'ConsentGranted' }>['data'], revision: number): ActiveConsent {
  return Object.assign(new ActiveConsent(), {
    consentId: data.consentId,
    versionId: data.versionId,
    patientId: data.patientId,
    effect: data.effect,
    grantees: data.grantees.map(granteeName),
    purposes: data.purposes,
    periodStart: data.periodStart === undefined ? null : new Date(data.periodStart),
    periodEnd: data.periodEnd === undefined ? null : new Date(data.periodEnd),
    revision: String(revision),
  })
}
