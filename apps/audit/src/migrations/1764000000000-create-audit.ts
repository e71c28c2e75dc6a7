import { eventStoreSql } from '@careseal/event-store'
import { keySchemaSql } from '@careseal/keys'
import type { MigrationInterface, QueryRunner } from 'typeorm'

// What survives an erasure is access_log alone: actor, time, purpose, category and a random number. The link from number
// to person, and all that would lead back to the person (event, resources), can be destroyed by the eraser.
const ACCESS_LOG = `
CREATE TABLE audit.subject_number (
  patient_id   uuid PRIMARY KEY,
  number       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid());
CREATE TABLE audit.access_log (
  entry_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  number       uuid NOT NULL,
  occurred_at  timestamptz NOT NULL,
  event_type   text NOT NULL,
  actor_id     uuid NOT NULL,
  role         text NOT NULL,
  member_id    uuid,
  purpose      text,
  action       text NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
  interaction  text NOT NULL,
  outcome      text NOT NULL CHECK (outcome IN ('success', 'denied')),
  types        text[] NOT NULL);
CREATE INDEX access_log_patient ON audit.access_log (number, occurred_at DESC, entry_id DESC);
CREATE TABLE audit.access_detail (
  entry_id     uuid PRIMARY KEY REFERENCES audit.access_log,
  event_id     uuid NOT NULL UNIQUE,
  producer     text NOT NULL,
  seq          bigint NOT NULL,
  resources    text[] NOT NULL,
  facts        jsonb NOT NULL,
  UNIQUE (producer, seq));
CREATE TABLE audit.known_account (
  account_id   uuid PRIMARY KEY,
  role         text NOT NULL,
  member_id    uuid,
  practitioner_id uuid);
CREATE TABLE audit.known_member (
  member_id    uuid PRIMARY KEY,
  kind         text NOT NULL,
  organization_id uuid);
GRANT SELECT, INSERT ON audit.subject_number TO audit;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit.access_log, audit.access_detail, audit.known_account, audit.known_member TO audit;
GRANT SELECT, DELETE ON audit.subject_number, audit.access_detail TO audit_eraser;
GRANT SELECT ON audit.access_log TO audit_eraser;
`

export class CreateAudit1764000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(keySchemaSql('audit'))
    await queryRunner.query(eventStoreSql('audit'))
    await queryRunner.query(ACCESS_LOG)
  }

  async down(): Promise<void> {
    throw new Error('events and keys are never dropped; restore a backup instead')
  }
}
