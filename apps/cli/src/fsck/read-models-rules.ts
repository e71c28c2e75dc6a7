// What services answer from must follow from their events: each rule is one query that finds what does not.

export type Rule = { schema: string; name: string; what: string; sql: string }

const json = (column: string) => `convert_from(${column}, 'UTF8')::jsonb`

/** Each query answers the `place` of what breaks the rule; unqualified names are the schema's. */
export const READ_MODEL_RULES: readonly Rule[] = [
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
  },
  {
    schema: 'consent',
    name: 'a consent in force was granted last',
    what: 'it is in force and its last event is not its grant',
    sql: `SELECT 'Consent/' || a.consent_id AS place FROM active_consent a
          LEFT JOIN LATERAL (SELECT event_type, body FROM event WHERE stream_id = 'consent-' || a.consent_id
                             ORDER BY stream_version DESC LIMIT 1) e ON true
          WHERE e.event_type IS DISTINCT FROM 'ConsentGranted'
             OR (${json('e.body')} -> 'data' ->> 'versionId') IS DISTINCT FROM a.version_id::text`,
  },
  {
    schema: 'consent',
    name: 'a consent granted last is in force',
    what: 'it was granted last and is not in force',
    sql: `SELECT 'Consent/' || substr(e.stream_id, 9) AS place FROM event e JOIN stream s USING (stream_id)
          WHERE e.event_type = 'ConsentGranted' AND e.stream_version = s.version
            AND NOT EXISTS (SELECT 1 FROM active_consent a WHERE 'consent-' || a.consent_id = e.stream_id)`,
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
  },
  {
    schema: 'records',
    name: 'each version that an event added is stored',
    what: 'its event is on the ledger and it is not stored',
    sql: `SELECT (d ->> 'type') || '/' || (d ->> 'id') || '/_history/' || (d ->> 'versionId') AS place
          FROM (SELECT ${json('e.body')} -> 'data' AS d, e.event_id FROM event e
                WHERE e.event_type IN ('RecordVersionAdded', 'RecordDeleted')) AS added
          WHERE NOT EXISTS (SELECT 1 FROM version v WHERE v.event_id = added.event_id)`,
  },
  {
    schema: 'audit',
    name: 'the access log shows each event once',
    what: 'it is in the access log twice',
    sql: `SELECT producer || ' ' || seq AS place FROM access_detail GROUP BY producer, seq HAVING count(*) > 1`,
  },
]
