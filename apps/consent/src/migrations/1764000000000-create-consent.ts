import { eventStoreSql } from '@careseal/event-store'
import { keySchemaSql } from '@careseal/keys'
import { HEAD_FUNCTIONS } from '../active-consents/head-gate.js'
import type { MigrationInterface, QueryRunner } from 'typeorm'

const CONSENTS = `
CREATE TABLE consent.consent_head (
  patient_id   uuid PRIMARY KEY,
  revision     bigint NOT NULL DEFAULT 0 CHECK (revision >= 0));
CREATE TABLE consent.consent_version (
  version_id   uuid PRIMARY KEY,
  consent_id   uuid NOT NULL,
  patient_id   uuid NOT NULL,
  ordinal      integer NOT NULL CHECK (ordinal > 0),
  status       text NOT NULL CHECK (status IN ('active', 'inactive', 'entered-in-error')),
  effect       text CHECK (effect IN ('permit', 'deny')),
  grantees     text[] NOT NULL,
  recorded_by_member uuid,
  recorded_at  timestamptz NOT NULL,
  key_id       uuid,
  sealed       bytea,
  UNIQUE (consent_id, ordinal),
  CHECK ((key_id IS NULL) = (sealed IS NULL)),
  CHECK ((status = 'active') = (effect IS NOT NULL)));
CREATE INDEX consent_version_patient ON consent.consent_version (patient_id, consent_id);
CREATE INDEX consent_version_grantees ON consent.consent_version USING gin (grantees);
CREATE TABLE consent.active_consent (
  consent_id   uuid PRIMARY KEY,
  version_id   uuid NOT NULL UNIQUE,
  patient_id   uuid NOT NULL REFERENCES consent.consent_head,
  effect       text NOT NULL CHECK (effect IN ('permit', 'deny')),
  grantees     text[] NOT NULL,
  purposes     text[] NOT NULL,
  period_start timestamptz,
  period_end   timestamptz,
  revision     bigint NOT NULL CHECK (revision > 0),
  UNIQUE (patient_id, revision));
CREATE INDEX active_consent_grantees ON consent.active_consent USING gin (grantees);
CREATE TRIGGER consent_version_is_insert_only BEFORE UPDATE ON consent.consent_version
  FOR EACH ROW EXECUTE FUNCTION consent.refuse_change();
GRANT SELECT, INSERT, UPDATE ON consent.consent_head TO consent;
GRANT SELECT, INSERT ON consent.consent_version TO consent;
GRANT SELECT, INSERT, UPDATE, DELETE ON consent.active_consent TO consent;
GRANT SELECT, DELETE ON consent.consent_head, consent.consent_version, consent.active_consent TO consent_eraser;
`

export class CreateConsent1764000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(keySchemaSql('consent'))
    await queryRunner.query(eventStoreSql('consent'))
    await queryRunner.query(CONSENTS + HEAD_FUNCTIONS)
  }

  async down(): Promise<void> {
    throw new Error('events and keys are never dropped; restore a backup instead')
  }
}
