// Damage to what services answer from: versions, read models, answers, keys.
import { bit, type Damage } from './damage.js'

const subject = `(SELECT min(subject_id) FROM records.event_private JOIN records_keys.subject USING (subject_id))`

export const IN_VERSIONS: Damage[] = [
  {
    what: 'one bit of a record',
    sql: `UPDATE records.version SET ciphertext = ${bit('ciphertext')} WHERE type = 'Patient'`,
    invariant: 'I1',
    place: /Patient\/.*\/_history\//,
  },
  {
    what: 'one bit of a consent',
    sql: `UPDATE consent.consent_version SET sealed = ${bit('sealed')} WHERE ordinal = 1`,
    invariant: 'I1',
    place: /Consent\/.*\/_history\//,
  },
  {
    what: 'a resource that points beyond its last version',
    sql: `UPDATE records.resource SET version_no = 9 WHERE type = 'Patient'`,
    invariant: 'I1',
    place: /Patient\//,
  },
  {
    what: 'a record version that is gone',
    sql: `DELETE FROM records.version WHERE type = 'Patient'`,
    invariant: 'I20',
    place: /Patient\//,
  },
  {
    what: 'a consent version that is gone',
    sql: `DELETE FROM consent.consent_version WHERE ordinal = 1`,
    invariant: 'I20',
    place: /consent event/,
  },
]

export const IN_READ_MODELS: Damage[] = [
  {
    what: 'a consent in force that was revoked',
    sql: `INSERT INTO consent.active_consent (consent_id, version_id, patient_id, effect, grantees, purposes, revision)
          SELECT consent_id, version_id, patient_id, 'permit', grantees, '{}', (SELECT max(revision) + 1 FROM consent.consent_head)
          FROM consent.consent_version v
          WHERE ordinal = 1 AND NOT EXISTS (SELECT 1 FROM consent.active_consent a WHERE a.consent_id = v.consent_id)`,
    invariant: 'I11',
    place: /Consent\//,
  },
  {
    what: 'a granted consent that is not in force',
    sql: 'DELETE FROM consent.active_consent',
    invariant: 'I20',
    place: /Consent\//,
  },
  {
    what: 'a consent head that went back',
    sql: 'UPDATE consent.consent_head SET revision = 0',
    invariant: 'I11',
    place: /Consent\//,
  },
  {
    what: 'a record that is in no index',
    sql: `DELETE FROM records.patient_resource WHERE type = 'Condition'`,
    invariant: 'I20',
    place: /Condition\//,
  },
  {
    what: 'a permit that could be used again',
    sql: 'DELETE FROM records.permit_use',
    invariant: 'I13',
    place: /records event/,
  },
  {
    what: 'a read that the access log does not show',
    sql: `DELETE FROM audit.access_detail
          WHERE event_id IN (SELECT event_id FROM records.event WHERE event_type = 'RecordRead')`,
    invariant: 'I13',
    place: /RecordRead/,
  },
  {
    what: 'an access that is shown twice',
    sql: `ALTER TABLE audit.access_detail DROP CONSTRAINT access_detail_producer_seq_key;
          ALTER TABLE audit.access_detail DROP CONSTRAINT access_detail_event_id_key;
          INSERT INTO audit.access_detail SELECT gen_random_uuid(), event_id, producer, seq, resources, facts
          FROM audit.access_detail WHERE producer = 'records' AND seq = 5`,
    invariant: 'I20',
    place: /records 5/,
  },
  {
    what: 'a member that no event made',
    sql: 'UPDATE identity.member SET event_id = gen_random_uuid()',
    invariant: 'I20',
    place: /member /,
  },
  {
    what: 'a reader that has not read everything',
    sql: `UPDATE audit.projection_position SET seq = seq - 1 WHERE producer = 'records'`,
    invariant: 'I20',
    place: /projection audit\./,
  },
  {
    what: 'a producer that does not know of its last seal',
    sql: `DELETE FROM records.sealed WHERE from_seq = (SELECT max(from_seq) FROM records.sealed)`,
    invariant: 'I20',
    place: /producer records/,
  },
]

/** Of what a recovery gives up when neither the database nor the broker holds it. */
export const IN_LOST_LEAVES: Damage[] = [
  {
    what: 'an event that is said to be lost and is there',
    sql: `INSERT INTO records.lost_leaf
          SELECT producer, seq, tag, commitment, leaf_hash, link, 1, 1 FROM records.outbox_numbered WHERE seq = 5`,
    invariant: 'I2',
    place: /records 5/,
  },
]

export const IN_ANSWERS: Damage[] = [
  {
    what: 'a request that was committed without its answers',
    sql: 'UPDATE records.idempotency SET answers = NULL',
    invariant: 'I19',
    place: /records request/,
  },
  {
    what: 'an answer that names nothing',
    sql: `UPDATE records.idempotency SET answers = jsonb_set(answers, '{0,location}',
            to_jsonb('Patient/' || gen_random_uuid() || '/_history/' || gen_random_uuid()))`,
    invariant: 'I19',
    place: /records request/,
  },
  {
    what: 'an answer that names no account',
    sql: `UPDATE identity.idempotency SET answers = jsonb_set(answers, '{0,location}', '"/auth/members/nobody"')`,
    invariant: 'I19',
    place: /identity request/,
  },
  {
    what: 'two requests with one effect',
    sql: `INSERT INTO records.idempotency SELECT actor, key || '2', subject_ids, request_mac, answers, expires_at
          FROM records.idempotency`,
    invariant: 'I19',
    place: /records request/,
  },
  {
    what: 'one request that was done in two steps',
    sql: `UPDATE records.version SET recorded_at = recorded_at + interval '1 second' WHERE type = 'Patient'`,
    invariant: 'I19',
    place: /records request/,
  },
]

export const IN_KEYS: Damage[] = [
  {
    what: 'an erased subject whose key came back',
    sql: `UPDATE records_keys.subject SET state = 'erased' WHERE subject_id = ${subject}`,
    invariant: 'I22',
    place: /records key/,
  },
  {
    what: 'an erased subject of whom something is left',
    sql: `UPDATE records_keys.subject SET state = 'erased' WHERE subject_id = ${subject}`,
    invariant: 'I16',
    place: /records event_private of subject/,
  },
  {
    what: 'a key that the signer does not know as destroyed',
    sql: `UPDATE records_keys.subject SET state = 'erased' WHERE subject_id = ${subject}`,
    invariant: 'I22',
    place: /records subjects/,
  },
  {
    what: 'a key that is gone and was never destroyed',
    sql: `DELETE FROM records_keys.subject_key WHERE subject_id = ${subject}`,
    invariant: 'I1',
    place: /records key/,
  },
]
