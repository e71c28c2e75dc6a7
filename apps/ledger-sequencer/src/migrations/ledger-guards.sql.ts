// What the database refuses by itself, whatever the program does: forks, gaps, foreign epochs, changes, steps back.
// The cost is per block, per tile statement and per producer of a block; never per entry.
// Each function fixes its search_path with pg_temp last: a temporary table named "head" must not fool a guard.

const BLOCK_GUARDS = /* sql */ `
CREATE FUNCTION place_block() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE
  fields jsonb := convert_from(NEW.header, 'UTF8')::jsonb -> 'block';
  top head; lease_epoch bigint; run_count bigint; leaf_count bigint; bad text;
BEGIN
  IF fields IS NULL THEN RAISE EXCEPTION 'NOT_A_HEADER' USING ERRCODE = 'LE003'; END IF;
  NEW.height := (fields ->> 'height')::bigint;
  NEW.prev_hash := decode(fields ->> 'prevHash', 'hex');
  NEW.first_index := (fields ->> 'firstIndex')::bigint;
  NEW.tree_size := NEW.first_index + (fields ->> 'count')::bigint + 1;
  NEW.epoch := (fields ->> 'epoch')::bigint;
  NEW.time := (fields ->> 'time')::bigint;
  NEW.runs := fields -> 'runs';

  SELECT epoch INTO lease_epoch FROM lease FOR SHARE;
  IF NEW.epoch IS DISTINCT FROM lease_epoch THEN
    RAISE EXCEPTION 'FENCED: block of epoch %, lease of epoch %', NEW.epoch, lease_epoch USING ERRCODE = 'LE001';
  END IF;
  SELECT * INTO top FROM head FOR UPDATE;
  IF NEW.height IS DISTINCT FROM top.height + 1 OR NEW.prev_hash IS DISTINCT FROM top.header_hash
     OR NEW.first_index IS DISTINCT FROM top.tree_size OR NEW.epoch < top.epoch
     OR NEW.time < (SELECT b.time FROM block b WHERE b.height = top.height) THEN
    RAISE EXCEPTION 'NOT_ON_HEAD: block %, head %', NEW.height, top.height USING ERRCODE = 'LE002';
  END IF;

  SELECT count(*), coalesce(sum((run ->> 'count')::bigint), 0) INTO run_count, leaf_count
    FROM jsonb_array_elements(NEW.runs) run;
  IF octet_length(NEW.leaves) <> 64 * leaf_count
     OR cardinality(NEW.controls) IS DISTINCT FROM (fields ->> 'controls')::int
     OR NEW.tree_size <> NEW.first_index + cardinality(NEW.controls) + leaf_count + 1 THEN
    RAISE EXCEPTION 'COUNT_MISMATCH: block %', NEW.height USING ERRCODE = 'LE003';
  END IF;
  SELECT min(run ->> 'producer') INTO bad FROM jsonb_array_elements(NEW.runs) run
    LEFT JOIN producer_cursor c ON c.producer = run ->> 'producer'
    WHERE (run ->> 'fromSeq')::bigint IS DISTINCT FROM c.last_seq + 1 OR (run ->> 'count')::bigint < 1;
  IF bad IS NOT NULL OR run_count <> (SELECT count(DISTINCT run ->> 'producer') FROM jsonb_array_elements(NEW.runs) run)
  THEN
    RAISE EXCEPTION 'RUN_MISMATCH: block %, producer %', NEW.height, bad USING ERRCODE = 'LE005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER place_block BEFORE INSERT ON block FOR EACH ROW EXECUTE FUNCTION place_block();

-- At COMMIT: head, cursors and full tiles have moved with the block.
CREATE FUNCTION finish_block() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE late text; width bigint := 256;
BEGIN
  IF NOT EXISTS (SELECT FROM head WHERE height >= NEW.height) THEN
    RAISE EXCEPTION 'HEAD_NOT_MOVED: block %', NEW.height USING ERRCODE = 'LE002';
  END IF;
  SELECT min(c.producer) INTO late FROM jsonb_array_elements(NEW.runs) run
    JOIN producer_cursor c ON c.producer = run ->> 'producer'
    WHERE c.last_seq < (run ->> 'fromSeq')::bigint + (run ->> 'count')::bigint - 1;
  IF late IS NOT NULL THEN
    RAISE EXCEPTION 'CURSOR_NOT_MOVED: block %, producer %', NEW.height, late USING ERRCODE = 'LE005';
  END IF;
  FOR filled IN 0..6 LOOP
    EXIT WHEN NEW.tree_size < width;
    IF NOT EXISTS (SELECT FROM tile t WHERE t.level = filled AND t.index = NEW.tree_size / width - 1) THEN
      RAISE EXCEPTION 'TILE_MISSING: block %, level %', NEW.height, filled USING ERRCODE = 'LE006';
    END IF;
    width := width * 256;
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER finish_block AFTER INSERT ON block DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION finish_block();

CREATE FUNCTION move_head() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
  IF NEW.height <> OLD.height + 1 OR NOT EXISTS (
    SELECT FROM block b WHERE b.height = NEW.height AND b.hash = NEW.header_hash
      AND b.tree_size = NEW.tree_size AND b.epoch = NEW.epoch) THEN
    RAISE EXCEPTION 'HEAD_WITHOUT_BLOCK: height %', NEW.height USING ERRCODE = 'LE002';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER move_head BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION move_head();
`

const CURSOR_GUARDS = /* sql */ `
-- A cursor moves only over the leaves of the newest block, and is made only by an admission in that block.
CREATE FUNCTION move_cursor() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
  IF NEW.producer <> OLD.producer OR NOT EXISTS (
    SELECT FROM block b, jsonb_array_elements(b.runs) run
     WHERE b.height = (SELECT max(height) FROM block) AND b.height = NEW.height
       AND run ->> 'producer' = NEW.producer AND (run ->> 'fromSeq')::bigint = OLD.last_seq + 1
       AND (run ->> 'count')::bigint = NEW.last_seq - OLD.last_seq) THEN
    RAISE EXCEPTION 'CURSOR_WITHOUT_LEAVES: % from % to %', NEW.producer, OLD.last_seq, NEW.last_seq
      USING ERRCODE = 'LE005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER move_cursor BEFORE UPDATE ON producer_cursor FOR EACH ROW EXECUTE FUNCTION move_cursor();

CREATE FUNCTION admit_producer() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
  IF NEW.last_seq <> 0 OR NOT EXISTS (
    SELECT FROM block b, unnest(b.controls) entry,
           LATERAL (SELECT convert_from(entry, 'UTF8')::jsonb AS control) parsed
     WHERE b.height = (SELECT max(height) FROM block) AND b.height = NEW.height
       AND (control -> 'genesis' -> 'producers' ->> NEW.producer = encode(NEW.last_link, 'hex')
         OR (control -> 'admin' ->> 'type' = 'producer-admitted'
             AND control -> 'admin' -> 'data' ->> 'name' = NEW.producer
             AND control -> 'admin' -> 'data' ->> 'firstLink' = encode(NEW.last_link, 'hex')))) THEN
    RAISE EXCEPTION 'NOT_ADMITTED: %', NEW.producer USING ERRCODE = 'LE005';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER admit_producer BEFORE INSERT ON producer_cursor FOR EACH ROW EXECUTE FUNCTION admit_producer();
`

const TILE_GUARDS = /* sql */ `
-- New full tiles follow those that are there without a gap, and cover entries of sealed blocks only.
CREATE FUNCTION add_tiles() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE bad smallint; size bigint := (SELECT max(tree_size) FROM block);
BEGIN
  SELECT min(level) INTO bad FROM (
    SELECT level, count(*) AS n, min(index) AS lo, max(index) AS hi FROM added GROUP BY level) a
   WHERE n <> hi - lo + 1
      OR (lo > 0 AND NOT EXISTS (SELECT FROM tile t WHERE t.level = a.level AND t.index = a.lo - 1))
      OR ((hi + 1)::numeric * 256::numeric ^ (level + 1) <= coalesce(size, 0)) IS NOT TRUE;
  IF bad IS NOT NULL THEN
    RAISE EXCEPTION 'TILE_OUT_OF_PLACE: level %', bad USING ERRCODE = 'LE006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER add_tiles AFTER INSERT ON tile REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION add_tiles();
`

const ONE_WAY_GUARDS = /* sql */ `
CREATE FUNCTION move_lease() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
  IF NEW.epoch NOT IN (OLD.epoch, OLD.epoch + 1)
     OR (NEW.epoch = OLD.epoch AND NEW.holder IS NOT NULL AND NEW.holder IS DISTINCT FROM OLD.holder) THEN
    RAISE EXCEPTION 'EPOCH_OUT_OF_ORDER: % to %', OLD.epoch, NEW.epoch USING ERRCODE = 'LE001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER move_lease BEFORE UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION move_lease();

CREATE FUNCTION move_published() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
  IF NEW.size < OLD.size OR NEW.cosigned_at < OLD.cosigned_at OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
     OR NOT EXISTS (SELECT FROM block WHERE tree_size = NEW.size) THEN
    RAISE EXCEPTION 'CHECKPOINT_OUT_OF_ORDER: % to %', OLD.size, NEW.size USING ERRCODE = 'LE007';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER move_published BEFORE UPDATE ON published FOR EACH ROW EXECUTE FUNCTION move_published();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'APPEND_ONLY: % on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'LE004';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON block
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tile
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON frozen_producer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_row BEFORE DELETE OR TRUNCATE ON head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_row BEFORE DELETE OR TRUNCATE ON lease FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_row BEFORE DELETE OR TRUNCATE ON published FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER keep_row BEFORE DELETE OR TRUNCATE ON producer_cursor
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
`

export const LEDGER_GUARDS = BLOCK_GUARDS + CURSOR_GUARDS + TILE_GUARDS + ONE_WAY_GUARDS
