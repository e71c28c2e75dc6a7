// A turnstile in front of the consent heads. Postgres lets a FOR SHARE pass a waiting FOR UPDATE, so a steady stream of
// decisions would keep a revocation waiting for as long as it lasts (measured: 12 deciders, no revocation in 3 s).
// Advisory locks queue: who decides after a change has begun to wait, waits behind it.
import type { ClientBase } from 'pg'

/** Patients share gates, so that a batch of decisions holds a bounded number of locks. */
const GATES = 64
const NAMESPACE = 0x6c0a5e

const lockGates = (lock: string) => `
SELECT ${lock}(${NAMESPACE}, gate) FROM (
  SELECT DISTINCT (hashtext(patient_id) & ${GATES - 1}) AS gate FROM unnest($1::text[]) AS patient_id ORDER BY 1) AS gates`

/** Lets decisions through side by side; waits behind a change that waits. After the subject rows, before the heads. */
export async function passGates(sql: ClientBase, patientIds: readonly string[]): Promise<void> {
  await sql.query(lockGates('pg_advisory_xact_lock_shared'), [patientIds])
}

/** Lets the change through alone. */
export async function closeGate(sql: ClientBase, patientId: string): Promise<void> {
  await sql.query(lockGates('pg_advisory_xact_lock'), [[patientId]])
}
