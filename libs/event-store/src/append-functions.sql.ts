// The two halves of an append, each one round trip whatever the number of events: what it must know from the database
// first, and what it writes. Both run with the caller's rights, under all guards of the tables, in the caller's transaction.

/** DDL of `begin_append` and `add_events`. Plain loops: for one event they cost less than to plan a set of one. */
export function appendFunctions(schema: string): string {
  return beginAppend(schema) + addEvents(schema)
}

// Streams, then tag counters, each in the order given: the caller sorts them. `versions` and `counters` are what was
// there before. Streams with another version than expected are put back, so that nothing has moved: `moved` is false.
function beginAppend(schema: string): string {
  return `
CREATE FUNCTION ${schema}.begin_append(
  stream_ids text[], stream_counts bigint[], expected bigint[],
  subject_ids text[], key_ids uuid[], tag_counts bigint[],
  OUT moved boolean, OUT appended_at text, OUT versions bigint[], OUT counters bigint[]
) LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
  moved := true;
  appended_at := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
  FOR i IN 1 .. cardinality(stream_ids) LOOP
    INSERT INTO ${schema}.stream AS s (stream_id, version) VALUES (stream_ids[i], stream_counts[i])
      ON CONFLICT (stream_id) DO UPDATE SET version = s.version + excluded.version
      RETURNING version - stream_counts[i] INTO before;
    versions[i] := before;
    moved := moved AND (expected[i] IS NULL OR expected[i] = before);
  END LOOP;
  IF NOT moved THEN
    FOR i IN 1 .. cardinality(stream_ids) LOOP
      UPDATE ${schema}.stream SET version = versions[i] WHERE stream_id = stream_ids[i];
    END LOOP;
    RETURN;
  END IF;
  FOR i IN 1 .. cardinality(subject_ids) LOOP
    INSERT INTO ${schema}.tag_counter AS c (subject_id, month, key_id, n)
      VALUES (subject_ids[i], left(appended_at, 7), key_ids[i], tag_counts[i])
      ON CONFLICT (subject_id, month, key_id) DO UPDATE SET n = c.n + excluded.n
      RETURNING n - tag_counts[i] INTO before;
    counters[i] := before;
  END LOOP;
END $$;
`
}

// Event, private part and outbox row of each; event keys are drawn in the order given.
function addEvents(schema: string): string {
  return `
CREATE FUNCTION ${schema}.add_events(
  event_ids uuid[], stream_ids text[], stream_versions bigint[], event_types text[], schema_versions smallint[],
  bodies bytea[], subject_ids text[], key_ids uuid[], ciphertexts bytea[], openings bytea[],
  tags bytea[], commitments bytea[], traceparents text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE new_pk bigint;
BEGIN
  FOR i IN 1 .. cardinality(event_ids) LOOP
    INSERT INTO ${schema}.event (event_id, stream_id, stream_version, event_type, schema_version, body)
      VALUES (event_ids[i], stream_ids[i], stream_versions[i], event_types[i], schema_versions[i], bodies[i])
      RETURNING pk INTO new_pk;
    INSERT INTO ${schema}.event_private (event_pk, subject_id, key_id, ciphertext, opening)
      VALUES (new_pk, subject_ids[i], key_ids[i], ciphertexts[i], openings[i]);
    INSERT INTO ${schema}.outbox (event_pk, tag, commitment, traceparent)
      VALUES (new_pk, tags[i], commitments[i], traceparents[i]);
  END LOOP;
END $$;
`
}
