// The append as one statement, so that no writer that was stopped in its middle holds a lock: what the database has, it
// finishes or undoes alone. It runs with the caller's rights, under all guards.

export const APPEND_BLOCK = /* sql */ `
CREATE FUNCTION append_block(
  of_epoch bigint, old_height bigint,
  new_header bytea, new_hash bytea, new_controls bytea[], new_leaves bytea,
  new_tree_size bigint, new_root bytea, new_compact_range bytea,
  tile_levels smallint[], tile_indexes bigint[], tile_hashes bytea[], tile_roots bytea[],
  admitted text[], admitted_links bytea[],
  producers text[], last_seqs bigint[], last_links bytea[]
) RETURNS void LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE moved bigint;
BEGIN
  PERFORM FROM lease WHERE epoch = of_epoch FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'FENCED: epoch % has a successor', of_epoch USING ERRCODE = 'LE001'; END IF;

  INSERT INTO block (header, hash, controls, leaves) VALUES (new_header, new_hash, new_controls, new_leaves);
  IF cardinality(tile_levels) > 0 THEN
    INSERT INTO tile (level, index, hashes, root)
      SELECT * FROM unnest(tile_levels, tile_indexes, tile_hashes, tile_roots);
  END IF;

  UPDATE head SET tree_size = new_tree_size, root = new_root, compact_range = new_compact_range,
                  height = old_height + 1, header_hash = new_hash, epoch = of_epoch
   WHERE height = old_height AND epoch <= of_epoch;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> 1 THEN RAISE EXCEPTION 'NOT_ON_HEAD: height %', old_height USING ERRCODE = 'LE002'; END IF;

  INSERT INTO producer_cursor (producer, last_seq, last_link, height)
    SELECT name, 0, link, old_height + 1 FROM unnest(admitted, admitted_links) AS new(name, link);
  UPDATE producer_cursor c SET last_seq = new.seq, last_link = new.link, height = old_height + 1
    FROM unnest(producers, last_seqs, last_links) AS new(name, seq, link) WHERE c.producer = new.name;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> cardinality(producers) THEN RAISE EXCEPTION 'NOT_ADMITTED' USING ERRCODE = 'LE005'; END IF;
END $$;
`
