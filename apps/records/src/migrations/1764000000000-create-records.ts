import { eventStoreSql } from '@careseal/event-store'
import { keySchemaSql } from '@careseal/keys'
import type { MigrationInterface, QueryRunner } from 'typeorm'

// `ordinal` is the order of pages: new resources come last, so a page that was read never changes under the reader.
// `patient_ids` of a version are those who must permit its reading, whoever the later versions concern.
const RECORDS = `
CREATE TABLE records.resource (
  type           text COLLATE "C" NOT NULL,
  id             uuid NOT NULL,
  ordinal        bigint GENERATED ALWAYS AS IDENTITY,
  version_id     uuid NOT NULL,
  version_no     integer NOT NULL CHECK (version_no > 0),
  deleted        boolean NOT NULL DEFAULT false,
  patient_ids    uuid[] NOT NULL,
  PRIMARY KEY (type, id));
CREATE INDEX resource_without_patient ON records.resource (type, ordinal) WHERE patient_ids = '{}';
CREATE TABLE records.version (
  type           text COLLATE "C" NOT NULL,
  id             uuid NOT NULL,
  version_no     integer NOT NULL CHECK (version_no > 0),
  version_id     uuid NOT NULL UNIQUE,
  interaction    text NOT NULL CHECK (interaction IN ('create', 'update', 'delete')),
  subject_id     text COLLATE "C" NOT NULL,
  key_id         uuid,
  schema_version smallint NOT NULL,
  ciphertext     bytea,
  field_root     bytea CHECK (octet_length(field_root) = 32),
  patient_ids    uuid[] NOT NULL,
  event_id       uuid NOT NULL UNIQUE REFERENCES records.event (event_id),
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (type, id, version_no),
  FOREIGN KEY (type, id) REFERENCES records.resource (type, id),
  CHECK ((interaction = 'delete') = (field_root IS NULL)));
CREATE INDEX version_subject ON records.version (subject_id);
CREATE TABLE records.patient_resource (
  patient_id     uuid NOT NULL,
  type           text COLLATE "C" NOT NULL,
  ordinal        bigint NOT NULL,
  id             uuid NOT NULL,
  PRIMARY KEY (patient_id, type, ordinal));
CREATE INDEX patient_resource_of ON records.patient_resource (type, id);
CREATE TABLE records.token (
  patient_id     uuid NOT NULL,
  mac            bytea NOT NULL CHECK (octet_length(mac) = 16),
  type           text COLLATE "C" NOT NULL,
  id             uuid NOT NULL,
  PRIMARY KEY (patient_id, mac, type, id));
CREATE INDEX token_of ON records.token (type, id);
CREATE TABLE records.permit_use (
  permit_id      uuid PRIMARY KEY,
  used_at        timestamptz NOT NULL DEFAULT now());
CREATE TRIGGER version_is_fixed BEFORE UPDATE ON records.version
  FOR EACH ROW EXECUTE FUNCTION records.refuse_change();
CREATE TRIGGER permit_use_is_insert_only BEFORE UPDATE OR DELETE ON records.permit_use
  FOR EACH ROW EXECUTE FUNCTION records.refuse_change();
GRANT SELECT, INSERT, UPDATE ON records.resource TO records;
GRANT SELECT, INSERT ON records.version, records.permit_use TO records;
GRANT SELECT, INSERT, DELETE ON records.patient_resource, records.token TO records;
GRANT SELECT, DELETE ON records.resource, records.version, records.patient_resource, records.token TO records_eraser;
`

export class CreateRecords1764000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(keySchemaSql('records'))
    await queryRunner.query(eventStoreSql('records'))
    await queryRunner.query(RECORDS)
  }

  async down(): Promise<void> {
    throw new Error('events, versions and keys are never dropped; restore a backup instead')
  }
}
