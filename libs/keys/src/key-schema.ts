// The key schema of one service: wrapped keys only, in a schema of its own so that it has its own backups.
// The service's role may create subjects and keys and lock them; only `<service>_eraser` can destroy.

/** DDL and grants for a service's first migration, run as `<service>_owner`. */
export function keySchemaSql(service: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(service)) throw new RangeError('a service name is a plain lower-case identifier')
  const schema = `${service}_keys`
  return tables(schema) + lockSubjects(schema) + lockKeyVersions(schema) + grants(service, schema)
}

// `lockable` carries no meaning: SELECT … FOR SHARE demands UPDATE on one column, and no other may be given away.
function tables(schema: string): string {
  return `
CREATE TABLE ${schema}.subject (
  subject_id   text COLLATE "C" PRIMARY KEY,
  state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'erased')),
  lockable     boolean NOT NULL DEFAULT true,
  created_at   timestamptz NOT NULL DEFAULT now());
CREATE TABLE ${schema}.subject_key (
  subject_id   text COLLATE "C" NOT NULL REFERENCES ${schema}.subject,
  key_version  integer NOT NULL CHECK (key_version > 0),
  key_id       uuid NOT NULL UNIQUE,
  kms_key_id   text NOT NULL,
  wrapped      bytea NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_id, key_version));
CREATE TABLE ${schema}.tombstone (
  subject_id   text COLLATE "C" NOT NULL REFERENCES ${schema}.subject,
  key_id       uuid NOT NULL,
  key_version  integer NOT NULL,
  destroyed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_id, key_id));
CREATE FUNCTION ${schema}.refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an erased subject stays erased' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER subject_stays_erased BEFORE UPDATE ON ${schema}.subject
  FOR EACH ROW WHEN (OLD.state = 'erased') EXECUTE FUNCTION ${schema}.refuse_revival();
CREATE TRIGGER subject_is_kept BEFORE DELETE ON ${schema}.subject
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_revival();
CREATE TRIGGER tombstone_is_kept BEFORE UPDATE OR DELETE ON ${schema}.tombstone
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_revival();
`
}

// Locking and reading in one round trip, yet as two statements, each with a snapshot of its own: read by the statement
// that locks, a key could be older than the lock. Who came in between the two was not locked, and is left out. Planned
// once per connection: for an array the planner would plan at each call, which costs twice what the call itself does.
function lockSubjects(schema: string): string {
  return `
CREATE FUNCTION ${schema}.lock_subjects(wanted text[])
RETURNS TABLE (subject_id text, state text, key_version integer, key_id uuid, wrapped bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE locked text[];
BEGIN
  SELECT array_agg(l.subject_id) INTO locked FROM (
    SELECT s.subject_id FROM ${schema}.subject s WHERE s.subject_id = ANY (wanted) ORDER BY s.subject_id FOR SHARE) l;
  RETURN QUERY
    SELECT s.subject_id, s.state, k.key_version, k.key_id, k.wrapped FROM ${schema}.subject s
    LEFT JOIN LATERAL (SELECT * FROM ${schema}.subject_key o WHERE o.subject_id = s.subject_id
                       ORDER BY o.key_version DESC LIMIT 1) k ON true
    WHERE s.subject_id = ANY (locked);
END $$;
`
}

// The same for keys by their ids. Of a subject that was erased or came in between, nothing comes back.
function lockKeyVersions(schema: string): string {
  return `
CREATE FUNCTION ${schema}.lock_key_versions(wanted uuid[])
RETURNS TABLE (subject_id text, key_version integer, key_id uuid, wrapped bytea) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE owners text[];
BEGIN
  SELECT array_agg(DISTINCT k.subject_id) INTO owners FROM ${schema}.subject_key k WHERE k.key_id = ANY (wanted);
  SELECT array_agg(l.subject_id) INTO owners FROM (
    SELECT s.subject_id FROM ${schema}.subject s WHERE s.subject_id = ANY (owners) AND s.state = 'active'
    ORDER BY s.subject_id FOR SHARE) l;
  RETURN QUERY
    SELECT k.subject_id, k.key_version, k.key_id, k.wrapped FROM ${schema}.subject_key k
    WHERE k.key_id = ANY (wanted) AND k.subject_id = ANY (owners);
END $$;
`
}

function grants(service: string, schema: string): string {
  return `
GRANT USAGE ON SCHEMA ${schema} TO ${service}, ${service}_eraser;
GRANT SELECT, INSERT ON ${schema}.subject, ${schema}.subject_key TO ${service};
GRANT UPDATE (lockable) ON ${schema}.subject TO ${service};
GRANT SELECT ON ${schema}.tombstone TO ${service};
GRANT SELECT, INSERT, UPDATE ON ${schema}.subject TO ${service}_eraser;
GRANT SELECT, DELETE ON ${schema}.subject_key TO ${service}_eraser;
GRANT SELECT, INSERT ON ${schema}.tombstone TO ${service}_eraser;
`
}
