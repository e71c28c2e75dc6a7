// Damage to blocks and events: what fsck must find on the ledger and in its producers' own rows.
import { bit, text, type Damage } from './damage.js'

const lastBlockWithLeaves = `(SELECT max(height) FROM ledger.block WHERE octet_length(leaves) > 0)`
const lastSeq = `(SELECT max(seq) FROM records.outbox_numbered)`
const inBody = (from: string, to: string) => `convert_to(replace(${text('body')}, '${from}', '${to}'), 'UTF8')`
const typed = (schema: string, type: string) => `(SELECT min(pk) FROM ${schema}.event WHERE event_type = '${type}')`

/** Swaps the places of two events of consent in its chain. */
const swapped = (one: string, other: string) => `
  CREATE TEMP TABLE pair AS SELECT ${one} AS one, ${other} AS other;
  UPDATE consent.outbox_numbered SET event_pk = -event_pk FROM pair WHERE event_pk IN (one, other);
  UPDATE consent.outbox_numbered SET event_pk = one + other + event_pk FROM pair WHERE event_pk IN (-one, -other)`

export const ON_THE_LEDGER: Damage[] = [
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
    what: 'an administration entry that nobody approved',
    sql: `UPDATE ledger.block SET controls = controls || convert_to(
            '{"admin":{"approvals":[],"data":{"number":1,"policy":""},"type":"policy-changed","v":1}}', 'UTF8')
          WHERE height = 2`,
    invariant: 'I5',
    place: /block 2, entry \d+/,
  },
  {
    what: 'a leaf that is gone',
    sql: `UPDATE ledger.block SET leaves = substr(leaves, 65) WHERE height = ${lastBlockWithLeaves}`,
    invariant: 'I3',
    place: /block \d+/,
  },
  {
    what: 'a leaf that is gone before others of its producer',
    sql: `UPDATE ledger.block SET leaves = substr(leaves, 1, octet_length(leaves) - 64)
          WHERE height = (SELECT min(height) FROM records.sealed)`,
    invariant: 'I2',
    place: /block \d+, entry \d+, records \d+/,
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
    what: 'a published checkpoint without its cosignatures',
    sql: String.raw`UPDATE ledger.published SET note = regexp_replace(note, E'(\\n\\n[^\\n]*\\n).*$', E'\\1')`,
    invariant: 'I18',
    place: /checkpoint \d+/,
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
    place: /^(consent|records) 1$/m,
  },
  {
    what: 'two leaves with one commitment',
    sql: `UPDATE consent.outbox_numbered SET commitment = (SELECT commitment FROM records.outbox_numbered WHERE seq = 1)
          WHERE seq = 1`,
    invariant: 'I15',
    place: /^(consent|records) 1$/m,
  },
]

export const IN_EVENTS: Damage[] = [
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
