-- Made from the code by tools/docs.mjs; a test fails when it is stale.
-- For psql 15 or newer as superuser, in the database careseal. Passwords come from the environment.
\set ON_ERROR_STOP on
\getenv identity_password PASSWORD_IDENTITY
\getenv identity_owner_password PASSWORD_IDENTITY_OWNER
\getenv consent_password PASSWORD_CONSENT
\getenv consent_owner_password PASSWORD_CONSENT_OWNER
\getenv records_password PASSWORD_RECORDS
\getenv records_owner_password PASSWORD_RECORDS_OWNER
\getenv audit_password PASSWORD_AUDIT
\getenv audit_owner_password PASSWORD_AUDIT_OWNER
\getenv ledger_password PASSWORD_LEDGER
\getenv ledger_owner_password PASSWORD_LEDGER_OWNER

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON DATABASE careseal FROM PUBLIC;
DO $$ BEGIN CREATE ROLE identity; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE identity NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'identity_password';
DO $$ BEGIN CREATE ROLE identity_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE identity_owner NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'identity_owner_password';
DO $$ BEGIN CREATE ROLE identity_eraser; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE identity_eraser NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN;
CREATE SCHEMA IF NOT EXISTS identity AUTHORIZATION identity_owner;
CREATE SCHEMA IF NOT EXISTS identity_keys AUTHORIZATION identity_owner;
GRANT CONNECT ON DATABASE careseal TO identity, identity_owner;
GRANT USAGE ON SCHEMA identity, identity_keys TO identity, identity_eraser;
GRANT identity_eraser TO identity WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;
ALTER ROLE identity SET search_path = identity, identity_keys;
ALTER ROLE identity_owner SET search_path = identity, identity_keys;
ALTER ROLE identity_eraser SET search_path = identity, identity_keys;

DO $$ BEGIN CREATE ROLE consent; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE consent NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'consent_password';
DO $$ BEGIN CREATE ROLE consent_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE consent_owner NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'consent_owner_password';
DO $$ BEGIN CREATE ROLE consent_eraser; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE consent_eraser NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN;
CREATE SCHEMA IF NOT EXISTS consent AUTHORIZATION consent_owner;
CREATE SCHEMA IF NOT EXISTS consent_keys AUTHORIZATION consent_owner;
GRANT CONNECT ON DATABASE careseal TO consent, consent_owner;
GRANT USAGE ON SCHEMA consent, consent_keys TO consent, consent_eraser;
GRANT consent_eraser TO consent WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;
ALTER ROLE consent SET search_path = consent, consent_keys;
ALTER ROLE consent_owner SET search_path = consent, consent_keys;
ALTER ROLE consent_eraser SET search_path = consent, consent_keys;

DO $$ BEGIN CREATE ROLE records; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE records NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'records_password';
DO $$ BEGIN CREATE ROLE records_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE records_owner NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'records_owner_password';
DO $$ BEGIN CREATE ROLE records_eraser; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE records_eraser NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN;
CREATE SCHEMA IF NOT EXISTS records AUTHORIZATION records_owner;
CREATE SCHEMA IF NOT EXISTS records_keys AUTHORIZATION records_owner;
GRANT CONNECT ON DATABASE careseal TO records, records_owner;
GRANT USAGE ON SCHEMA records, records_keys TO records, records_eraser;
GRANT records_eraser TO records WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;
ALTER ROLE records SET search_path = records, records_keys;
ALTER ROLE records_owner SET search_path = records, records_keys;
ALTER ROLE records_eraser SET search_path = records, records_keys;

DO $$ BEGIN CREATE ROLE audit; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE audit NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'audit_password';
DO $$ BEGIN CREATE ROLE audit_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE audit_owner NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'audit_owner_password';
DO $$ BEGIN CREATE ROLE audit_eraser; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE audit_eraser NOSUPERUSER NOCREATEDB NOCREATEROLE NOLOGIN;
CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION audit_owner;
CREATE SCHEMA IF NOT EXISTS audit_keys AUTHORIZATION audit_owner;
GRANT CONNECT ON DATABASE careseal TO audit, audit_owner;
GRANT USAGE ON SCHEMA audit, audit_keys TO audit, audit_eraser;
GRANT audit_eraser TO audit WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;
ALTER ROLE audit SET search_path = audit, audit_keys;
ALTER ROLE audit_owner SET search_path = audit, audit_keys;
ALTER ROLE audit_eraser SET search_path = audit, audit_keys;

DO $$ BEGIN CREATE ROLE ledger; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE ledger NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'ledger_password';
DO $$ BEGIN CREATE ROLE ledger_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
ALTER ROLE ledger_owner NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD :'ledger_owner_password';
CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION ledger_owner;
GRANT CONNECT ON DATABASE careseal TO ledger, ledger_owner;
GRANT USAGE ON SCHEMA ledger TO ledger;
ALTER ROLE ledger SET search_path = ledger;
ALTER ROLE ledger_owner SET search_path = ledger;
