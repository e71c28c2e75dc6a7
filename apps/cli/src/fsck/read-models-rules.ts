// What services answer from must follow from their events: each rule is one query that finds what does not.
import type { Rule } from './rules.js'

const json = (column: string) => `convert_from(${column}, 'UTF8')::jsonb`

/** An erasure takes the rows and leaves the events. */
const NOT_ERASED = `NOT EXISTS (SELECT 1 FROM tombstone t WHERE t.subject_id = ${json('e.body')} -> 'data' ->> 'patientId')`

type ReadModelRule = Omit<Rule, 'invariant'> & { invariant?: Rule['invariant'] }

const RULES: readonly ReadModelRule[] = [
  {
    schema: 'identity',
    name: 'the directory holds what events made',
    what: 'no event made it',
    sql: `SELECT 'member ' || member_id AS place FROM member m
          WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.event_id = m.event_id)
          UNION ALL SELECT 'account ' || account_id FROM account a
          WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.event_id = a.event_id)
          UNION ALL SELECT 'client ' || client_id FROM client c
          WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.event_id = c.event_id)`,
    counted: `(SELECT event_id FROM member UNION ALL SELECT event_id FROM account UNION ALL SELECT event_id FROM client) AS entity`,
  },
  {
    schema: 'consent',
    name: 'a consent in force was granted last',
    invariant: 'I11',
    what: 'it is in force and its last event is not its grant',
    sql: `SELECT 'Consent/' || a.consent_id AS place FROM active_consent a
          LEFT JOIN LATERAL (SELECT event_type, body FROM event WHERE stream_id = 'consent-' || a.consent_id
                             ORDER BY stream_version DESC LIMIT 1) e ON true
          WHERE e.event_type IS DISTINCT FROM 'ConsentGranted'
             OR (${json('e.body')} -> 'data' ->> 'versionId') IS DISTINCT FROM a.version_id::text`,
    counted: `active_consent`,
  },
  {
    schema: 'consent',
    name: 'a consent granted last is in force',
    what: 'it was granted last and is not in force',
    sql: `SELECT 'Consent/' || substr(e.stream_id, 9) AS place FROM event e JOIN stream s USING (stream_id)
          WHERE e.event_type = 'ConsentGranted' AND e.stream_version = s.version
            AND NOT EXISTS (SELECT 1 FROM active_consent a WHERE a.consent_id::text = substr(e.stream_id, 9))
            AND ${NOT_ERASED}`,
    counted: `(SELECT DISTINCT consent_id FROM consent_version) AS consent`,
  },
  {
    schema: 'consent',
    name: 'each consent version that an event added is stored',
    what: 'its event is on the ledger and it is not stored',
    sql: `SELECT 'event ' || e.event_id AS place FROM event e
          WHERE e.event_type IN ('ConsentGranted', 'ConsentRevoked')
            AND NOT EXISTS (SELECT 1 FROM consent_version v
                            WHERE v.consent_id::text = substr(e.stream_id, 9) AND v.ordinal = e.stream_version)
            AND ${NOT_ERASED}`,
    counted: `consent_version`,
  },
  {
    schema: 'consent',
    name: 'a consent in force and its head agree',
    what: 'its head has seen fewer changes than this consent',
    invariant: 'I11',
    sql: `SELECT 'Consent/' || a.consent_id AS place FROM active_consent a JOIN consent_head h USING (patient_id)
          WHERE a.revision > h.revision`,
    counted: `active_consent`,
  },
  {
    schema: 'records',
    name: 'a permit that was used is noted as used',
    what: 'its event is on the ledger and the permit could be used again',
    invariant: 'I13',
    sql: `SELECT 'event ' || e.event_id AS place FROM event e,
                 LATERAL (SELECT (${json('e.body')} -> 'data' ->> 'permitId')::uuid AS permit_id) AS d
          WHERE e.event_type IN ('RecordRead', 'RecordVersionAdded', 'RecordDeleted') AND d.permit_id IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM permit_use u WHERE u.permit_id = d.permit_id)`,
    counted: `permit_use`,
  },
  {
    schema: 'records',
    name: 'each patient’s index holds what concerns the patient',
    what: 'it is missing from a patient’s index, or in one where it does not belong',
    sql: `SELECT type || '/' || id AS place FROM (
            (SELECT unnest(patient_ids) AS patient_id, type, id FROM resource WHERE NOT deleted
             EXCEPT SELECT patient_id, type, id FROM patient_resource)
            UNION ALL
            (SELECT patient_id, type, id FROM patient_resource
             EXCEPT SELECT unnest(patient_ids), type, id FROM resource WHERE NOT deleted)) AS differing`,
    counted: `patient_resource`,
  },
  {
    schema: 'records',
    name: 'each version that an event added is stored',
    what: 'its event is on the ledger and it is not stored',
    sql: `SELECT (d ->> 'type') || '/' || (d ->> 'id') || '/_history/' || (d ->> 'versionId') AS place
          FROM (SELECT ${json('e.body')} -> 'data' AS d, e.event_id FROM event e
                WHERE e.event_type IN ('RecordVersionAdded', 'RecordDeleted') AND ${NOT_ERASED}) AS added
          WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.event_id = added.event_id)`,
    counted: `event WHERE event_type IN ('RecordVersionAdded', 'RecordDeleted')`,
  },
  {
    schema: 'audit',
    name: 'the access log shows each event once',
    what: 'it is in the access log twice',
    sql: `SELECT producer || ' ' || seq AS place FROM access_detail GROUP BY producer, seq HAVING count(*) > 1`,
    counted: `access_detail`,
  },
]

/** How the read models of services hang together with their events. */
export const READ_MODEL_RULES: readonly Rule[] = RULES.map((rule) => ({ invariant: 'I20', ...rule }))
