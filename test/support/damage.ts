// Damage to a ledger's database, as whoever owns the server could do it: past every trigger, grant and foreign key.

/** What is damaged, the statements that do it, and what fsck must then say: the invariant, and a part of the place. */
export type Damage = { what: string; sql: string; invariant: string; place: RegExp }

const lastBlockWithLeaves = `(SELECT max(height) FROM ledger.block WHERE octet_length(leaves) > 0)`
const lastSeq = `(SELECT max(seq) FROM records.outbox_numbered)`
const bit = (column: string) => `set_byte(${column}, 40, get_byte(${column}, 40) # 1)`
const text = (column: string) => `convert_from(${column}, 'UTF8')`
const inBody = (from: string, to: string) => `convert_to(replace(${text('body')}, '${from}', '${to}'), 'UTF8')`
const typed = (schema: string, type: string) => `(SELECT min(pk) FROM ${schema}.event WHERE event_type = '${type}')`
const subject = `(SELECT min(subject_id) FROM records.event_private JOIN records_keys.subject USING (subject_id))`

/** Swaps the places of two events of consent in its chain. */
const swapped = (one: string, other: string) => `
  CREATE TEMP TABLE pair AS SELECT ${one} AS one, ${other} AS other;
  UPDATE consent.outbox_numbered SET event_pk = -event_pk FROM pair WHERE event_pk IN (one, other);
  UPDATE consent.outbox_numbered SET event_pk = one + other + event_pk FROM pair WHERE event_pk IN (-one, -other)`

const ON_THE_LEDGER: Damage[] = [
  {
    what: 'one bit of a sealed leaf',
    sql: `UPDATE ledger.block SET leaves = ${bit('leaves')} WHERE height = ${lastBlockWithLeaves}`,
    invariant: 'I1',
    place: /block \d+, index \d+/,
  },
  {
    what: 'an epoch in a header',
    sql: `WITH changed AS (SELECT height, regexp_replace(${text('header')}, '"epoch":\\d+', '"epoch":77') AS header
                           FROM ledger.block WHERE height = 2)
          UPDATE ledger.block b SET header = c.header::bytea, hash = sha256(c.header::bytea)
          FROM changed c WHERE c.height = b.height`,
    invariant: 'I9',
    place: /block 3/,
  },
  {
    what: 'a leaf that is gone',
    sql: `UPDATE ledger.block SET leaves = substr(leaves, 65) WHERE height = ${lastBlockWithLeaves}`,
    invariant: 'I3',
    place: /block \d+/,
  },
  {
    what: 'a tile that is gone',
    sql: 'DELETE FROM ledger.tile WHERE level = 0 AND index = 1',
    invariant: 'I6',
    place: /tile 0\/1/,
  },
  {
    what: 'a cursor that goes back',
    sql: `UPDATE ledger.producer_cursor SET last_seq = last_seq - 1 WHERE producer = 'records'`,
    invariant: 'I2',
    place: /producer records/,
  },
  {
    what: 'another root in the head',
    sql: `UPDATE ledger.head SET root = sha256('other')`,
    invariant: 'I3',
    place: /ledger\.head/,
  },
  {
    what: 'a database that lost its last blocks',
    sql: `DELETE FROM ledger.block WHERE height > (SELECT max(height) - 2 FROM ledger.block)`,
    invariant: 'I10',
    place: /signer state/,
  },
  {
    what: 'a word in the published checkpoint',
    sql: `UPDATE ledger.published SET note = replace(note, split_part(note, E'\\n', 3), 'AAAA')`,
    invariant: 'I5',
    place: /checkpoint \d+/,
  },
  { what: 'a lease that goes back', sql: 'UPDATE ledger.lease SET epoch = 0', invariant: 'I9', place: /lease epoch 0/ },
  {
    what: 'a producer that lost its last number',
    sql: `DELETE FROM records.outbox_numbered WHERE seq = ${lastSeq}`,
    invariant: 'I21',
    place: /records \d+/,
  },
  {
    what: 'a seal in another place',
    sql: `UPDATE records.sealed SET first_index = first_index + 1 WHERE from_seq = (SELECT max(from_seq) FROM records.sealed)`,
    invariant: 'I1',
    place: /producer records/,
  },
  {
    what: 'two leaves with one tag',
    sql: `UPDATE consent.outbox_numbered SET tag = (SELECT tag FROM records.outbox_numbered WHERE seq = 1) WHERE seq = 1`,
    invariant: 'I2',
    place: /^(consent|records) 1$/,
  },
  {
    what: 'two leaves with one commitment',
    sql: `UPDATE consent.outbox_numbered SET commitment = (SELECT commitment FROM records.outbox_numbered WHERE seq = 1)
          WHERE seq = 1`,
    invariant: 'I15',
    place: /^(consent|records) 1$/,
  },
]

const IN_EVENTS: Damage[] = [
  {
    what: 'a numbered event that waits again',
    sql: `INSERT INTO records.outbox SELECT event_pk, tag, commitment FROM records.outbox_numbered WHERE seq = 5`,
    invariant: 'I2',
    place: /records event/,
  },
  {
    what: 'an event that nobody numbered and nobody will',
    sql: `DELETE FROM identity.outbox_numbered WHERE seq = 3`,
    invariant: 'I1',
    place: /identity event/,
  },
  {
    what: 'another purpose in a body',
    sql: `UPDATE consent.event SET body = ${inBody('"TREAT"', '"HRESCH"')} WHERE pk = ${typed('consent', 'ConsentGranted')}`,
    invariant: 'I1',
    place: /consent event/,
  },
  {
    what: 'white space in a body',
    sql: `UPDATE consent.event SET body = ${inBody('{', '{ ')} WHERE pk = ${typed('consent', 'AccessDenied')}`,
    invariant: 'I1',
    place: /consent event/,
  },
  {
    what: 'an opening copied to another event',
    sql: `UPDATE records.event_private SET opening = (SELECT opening FROM records.event_private ORDER BY 1 LIMIT 1)
          WHERE event_pk = (SELECT max(event_pk) FROM records.event_private)`,
    invariant: 'I1',
    place: /records event/,
  },
  {
    what: 'a private part of another event',
    sql: `UPDATE identity.event_private SET ciphertext = (SELECT min(ciphertext) FROM identity.event_private)
          WHERE ciphertext IS NOT NULL`,
    invariant: 'I1',
    place: /identity event/,
  },
  {
    what: 'a tag that was counted and is on no leaf',
    sql: `UPDATE records.tag_counter SET n = n + 1 WHERE subject_id = (SELECT min(subject_id) FROM records.tag_counter)`,
    invariant: 'I2',
    place: /records key/,
  },
  {
    what: 'a stream with a gap',
    sql: `UPDATE identity.stream SET version = version + 1 WHERE stream_id LIKE 'member-%'`,
    invariant: 'I1',
    place: /identity member-/,
  },
  {
    what: 'a revocation numbered before its grant',
    sql: swapped(typed('consent', 'ConsentGranted'), typed('consent', 'ConsentRevoked')),
    invariant: 'I7',
    place: /consent event/,
  },
  {
    what: 'a permit decided before its consent was granted',
    sql: swapped(
      typed('consent', 'ConsentGranted'),
      `(SELECT min(pk) FROM consent.event WHERE ${text('body')} LIKE '%"basis":"consent"%')`,
    ),
    invariant: 'I11',
    place: /permit /,
  },
  {
    what: 'a read with the permit of another',
    sql: `WITH read AS (SELECT pk, ${text('body')}::jsonb -> 'data' ->> 'permitId' AS permit_id FROM records.event
                        WHERE event_type = 'RecordRead' AND ${text('body')} LIKE '%permitId%')
          UPDATE records.event e SET body = convert_to(replace(${text('e.body')}, own.permit_id, other.permit_id), 'UTF8')
          FROM read own, read other
          WHERE own.pk = (SELECT max(pk) FROM read) AND other.pk = (SELECT min(pk) FROM read) AND e.pk = own.pk`,
    invariant: 'I13',
    place: /RecordRead/,
  },
]

const IN_VERSIONS: Damage[] = [
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

const IN_READ_MODELS: Damage[] = [
  {
    what: 'a consent in force that was revoked',
    sql: `INSERT INTO consent.active_consent (consent_id, version_id, patient_id, effect, grantees, purposes, revision)
          SELECT consent_id, version_id, patient_id, 'permit', grantees, '{}', 1 FROM consent.consent_version v
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

const IN_ANSWERS: Damage[] = [
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

const IN_KEYS: Damage[] = [
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
    place: /records (event_private|version) of subject/,
  },
  {
    what: 'a key that is gone and was never destroyed',
    sql: `DELETE FROM records_keys.subject_key WHERE subject_id = ${subject}`,
    invariant: 'I1',
    place: /records key/,
  },
]

/** One kind of damage for each kind of check. */
export const DAMAGES: readonly Damage[] = [
  ...ON_THE_LEDGER,
  ...IN_EVENTS,
  ...IN_VERSIONS,
  ...IN_READ_MODELS,
  ...IN_ANSWERS,
  ...IN_KEYS,
]
