// The producer's tables (exactly-once.md section 1). The service's role can add events and never change or remove one:
// it lacks the privilege, and a trigger refuses whoever has it. Private parts can be deleted by `<service>_eraser` alone.
import { appendFunctions } from './append-functions.sql.js'

/** DDL, triggers and grants for a service's first migration, run as `<service>_owner`. */
export function eventStoreSql(service: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(service)) throw new RangeError('a service name is a plain lower-case identifier')
  return [eventTables, outboxTables, recoveryTables, readerTables, triggers, appendFunctions, grants]
    .map((part) => part(service))
    .join('')
}

function eventTables(schema: string): string {
  return `
CREATE TABLE ${schema}.stream (
  stream_id      text COLLATE "C" PRIMARY KEY,
  version        bigint NOT NULL CHECK (version >= 0));
CREATE TABLE ${schema}.event (
  pk             bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  event_id       uuid NOT NULL UNIQUE,
  stream_id      text COLLATE "C" NOT NULL REFERENCES ${schema}.stream,
  stream_version bigint NOT NULL CHECK (stream_version > 0),
  event_type     text NOT NULL,
  schema_version smallint NOT NULL CHECK (schema_version > 0),
  body           bytea NOT NULL,
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream_id, stream_version));
COMMENT ON COLUMN ${schema}.event.pk IS 'order of allocation within a stream; never a cursor';
CREATE TABLE ${schema}.event_private (
  event_pk       bigint PRIMARY KEY REFERENCES ${schema}.event,
  subject_id     text COLLATE "C" NOT NULL,
  key_id         uuid NOT NULL,
  ciphertext     bytea,
  opening        bytea NOT NULL);
CREATE INDEX event_private_subject ON ${schema}.event_private (subject_id);
CREATE TABLE ${schema}.tag_counter (
  subject_id     text COLLATE "C" NOT NULL,
  month          text NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
  key_id         uuid NOT NULL,
  n              bigint NOT NULL CHECK (n > 0),
  PRIMARY KEY (subject_id, month, key_id));
CREATE TABLE ${schema}.idempotency (
  actor          text NOT NULL,
  key            text NOT NULL,
  subject_ids    text[] NOT NULL,
  request_mac    bytea NOT NULL,
  answers        jsonb,
  expires_at     timestamptz NOT NULL,
  PRIMARY KEY (actor, key));
CREATE INDEX idempotency_expiry ON ${schema}.idempotency (expires_at);
CREATE INDEX idempotency_subjects ON ${schema}.idempotency USING gin (subject_ids);
`
}

function outboxTables(schema: string): string {
  return `
CREATE TABLE ${schema}.outbox (
  event_pk       bigint PRIMARY KEY REFERENCES ${schema}.event,
  tag            bytea NOT NULL CHECK (octet_length(tag) = 32),
  commitment     bytea NOT NULL CHECK (octet_length(commitment) = 32),
  traceparent    text CHECK (length(traceparent) <= 55));
CREATE TABLE ${schema}.relay_head (
  producer       text PRIMARY KEY,
  last_seq       bigint NOT NULL CHECK (last_seq >= 0),
  last_link      bytea NOT NULL CHECK (octet_length(last_link) = 32));
CREATE TABLE ${schema}.outbox_numbered (
  producer       text NOT NULL REFERENCES ${schema}.relay_head,
  seq            bigint NOT NULL CHECK (seq > 0),
  event_pk       bigint NOT NULL UNIQUE REFERENCES ${schema}.event,
  tag            bytea NOT NULL CHECK (octet_length(tag) = 32),
  commitment     bytea NOT NULL CHECK (octet_length(commitment) = 32),
  leaf_hash      bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  link           bytea NOT NULL CHECK (octet_length(link) = 32),
  PRIMARY KEY (producer, seq));
`
}

// After a rollback the producer goes on under another name, and says of each leaf whose event is gone that it is gone.
function recoveryTables(schema: string): string {
  return `
CREATE TABLE ${schema}.incarnation (
  producer       text PRIMARY KEY,
  number         integer NOT NULL UNIQUE CHECK (number > 1),
  began_at       timestamptz NOT NULL DEFAULT now());
CREATE TABLE ${schema}.lost_leaf (
  producer       text NOT NULL REFERENCES ${schema}.relay_head,
  seq            bigint NOT NULL CHECK (seq > 0),
  tag            bytea NOT NULL CHECK (octet_length(tag) = 32),
  commitment     bytea NOT NULL CHECK (octet_length(commitment) = 32),
  leaf_hash      bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  link           bytea NOT NULL CHECK (octet_length(link) = 32),
  leaf_index     bigint NOT NULL CHECK (leaf_index >= 0),
  height         bigint NOT NULL CHECK (height >= 0),
  PRIMARY KEY (producer, seq));
`
}

// seal_cursor.next_index is the index of the entry after the block: the next block's first one must stand there.
function readerTables(schema: string): string {
  return `
CREATE TABLE ${schema}.sealed (
  producer       text NOT NULL,
  from_seq       bigint NOT NULL CHECK (from_seq > 0),
  count          bigint NOT NULL CHECK (count > 0),
  first_index    bigint NOT NULL CHECK (first_index >= 0),
  height         bigint NOT NULL CHECK (height >= 0),
  PRIMARY KEY (producer, from_seq));
CREATE TABLE ${schema}.seal_cursor (
  producer       text PRIMARY KEY,
  height         bigint NOT NULL,
  header_hash    bytea NOT NULL CHECK (octet_length(header_hash) = 32),
  next_index     bigint NOT NULL);
CREATE TABLE ${schema}.projection_position (
  projection     text NOT NULL,
  producer       text NOT NULL,
  seq            bigint NOT NULL CHECK (seq >= 0),
  link           bytea NOT NULL CHECK (octet_length(link) = 32),
  PRIMARY KEY (projection, producer));
`
}

const INSERT_ONLY = ['event', 'outbox_numbered', 'sealed', 'incarnation', 'lost_leaf']

function triggers(schema: string): string {
  const refuse = `
CREATE FUNCTION ${schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER event_private_is_fixed BEFORE UPDATE ON ${schema}.event_private
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_change();
`
  return refuse + INSERT_ONLY.map((table) => insertOnly(schema, table)).join('')
}

function insertOnly(schema: string, table: string): string {
  return `
CREATE TRIGGER ${table}_is_insert_only BEFORE UPDATE OR DELETE ON ${schema}.${table}
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_change();
CREATE TRIGGER ${table}_is_never_emptied BEFORE TRUNCATE ON ${schema}.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_change();
`
}

function grants(service: string): string {
  const on = (...tables: string[]) => tables.map((table) => `${service}.${table}`).join(', ')
  return `
GRANT USAGE ON SCHEMA ${service} TO ${service}, ${service}_eraser;
GRANT SELECT, INSERT ON ${on('event', 'event_private', 'outbox_numbered', 'sealed', 'incarnation', 'lost_leaf')} TO ${service};
GRANT SELECT, INSERT, UPDATE ON ${on('stream', 'tag_counter', 'relay_head', 'seal_cursor')} TO ${service};
GRANT SELECT, INSERT, DELETE ON ${on('outbox')} TO ${service};
GRANT SELECT, INSERT, UPDATE, DELETE ON ${on('idempotency', 'projection_position')} TO ${service};
GRANT SELECT, DELETE ON ${on('event_private', 'idempotency', 'tag_counter')} TO ${service}_eraser;
`
}
