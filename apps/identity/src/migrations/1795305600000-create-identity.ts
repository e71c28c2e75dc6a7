import { eventStoreSql } from '@careseal/event-store'
import { keySchemaSql } from '@careseal/keys'
import type { MigrationInterface, QueryRunner } from 'typeorm'

// No name, no clinical word: ids, roles, public keys, and ciphertext of the signing key.
const tables = `
CREATE TABLE identity.member (
  member_id       uuid PRIMARY KEY,
  kind            text NOT NULL,
  organization_id uuid,
  event_id        uuid NOT NULL);
CREATE TABLE identity.account (
  account_id      uuid PRIMARY KEY,
  role            text NOT NULL CHECK (role IN ('patient', 'practitioner', 'system', 'auditor', 'operator')),
  member_id       uuid REFERENCES identity.member,
  practitioner_id uuid,
  patient_id      uuid,
  stream_id       text COLLATE "C" NOT NULL,
  subject_id      text COLLATE "C",
  event_id        uuid NOT NULL,
  closed_at       timestamptz,
  CHECK ((role = 'patient') = (patient_id IS NOT NULL)));
CREATE INDEX account_role ON identity.account (role, account_id);
CREATE TABLE identity.client (
  client_id       text COLLATE "C" PRIMARY KEY,
  account_id      uuid NOT NULL REFERENCES identity.account,
  jwk             jsonb NOT NULL,
  event_id        uuid NOT NULL);
CREATE INDEX client_account ON identity.client (account_id);
CREATE TABLE identity.signing_key (
  kid             text PRIMARY KEY,
  key_id          uuid NOT NULL,
  sealed          bytea NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now());
CREATE TABLE identity.provider_record (
  model           text NOT NULL,
  id              text NOT NULL,
  payload         jsonb NOT NULL,
  expires_at      timestamptz,
  PRIMARY KEY (model, id));
CREATE INDEX provider_record_expiry ON identity.provider_record (expires_at);
GRANT SELECT, INSERT, UPDATE ON identity.member, identity.account, identity.client TO identity;
GRANT SELECT, INSERT ON identity.signing_key TO identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.provider_record TO identity;
`

export class CreateIdentity1795305600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(keySchemaSql('identity'))
    await runner.query(eventStoreSql('identity'))
    await runner.query(tables)
  }

  async down(): Promise<void> {
    throw new Error('a history is not taken down')
  }
}
