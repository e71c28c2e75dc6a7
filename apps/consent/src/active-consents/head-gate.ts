// A turnstile in front of the consent heads. Postgres lets a FOR SHARE pass a waiting FOR UPDATE, so a steady stream of
// decisions would keep a revocation waiting for as long as it lasts (measured: 12 deciders, no revocation in 3 s).
// Advisory locks queue: who decides after a change has begun to wait, waits behind it.
import type { ClientBase } from 'pg'

/** Patients share gates, so that a batch of decisions holds a bounded number of locks. */
const GATES = 64
export const GATE_NAMESPACE = 0x6c0a5e

/**
 * DDL. `lock_heads` lets decisions through the gates side by side, behind a change that waits, then locks the heads FOR
 * SHARE, each after making it where it is missing, all ascending; it answers the time at the last lock. `consents_of`
 * reads what is in force or yet to come. Plain loops: for one patient they cost less than to plan a set of one.
 */
export const HEAD_FUNCTIONS = `
CREATE FUNCTION consent.gates_of(patient_ids uuid[]) RETURNS SETOF integer LANGUAGE sql AS $$
  SELECT DISTINCT hashtext(patient_id::text) & ${GATES - 1} FROM unnest(patient_ids) AS patient_id ORDER BY 1
$$;
CREATE FUNCTION consent.lock_heads(patient_ids uuid[]) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE one uuid;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(${GATE_NAMESPACE}, gate) FROM consent.gates_of(patient_ids) AS gate;
  FOR one IN SELECT DISTINCT unnest(patient_ids) AS id ORDER BY id LOOP
    PERFORM FROM consent.consent_head WHERE patient_id = one FOR SHARE;
    CONTINUE WHEN FOUND;
    INSERT INTO consent.consent_head (patient_id) VALUES (one) ON CONFLICT DO NOTHING;
    PERFORM FROM consent.consent_head WHERE patient_id = one FOR SHARE;
  END LOOP;
  RETURN clock_timestamp();
END $$;
CREATE FUNCTION consent.consents_of(patient_ids uuid[]) RETURNS SETOF consent.active_consent LANGUAGE plpgsql AS $$
DECLARE one uuid;
BEGIN
  FOREACH one IN ARRAY patient_ids LOOP
    RETURN QUERY SELECT * FROM consent.active_consent WHERE patient_id = one;
  END LOOP;
END $$;
`

/** Lets the change through alone. After the subject rows, before the heads. */
export async function closeGate(sql: ClientBase, patientId: string): Promise<void> {
  const text = `SELECT pg_advisory_xact_lock(${GATE_NAMESPACE}, gate) FROM gates_of($1::uuid[]) AS gate`
  await sql.query(text, [[patientId]])
}
