// The guard of new tiles asked whether the tile before them is there in a way that Postgres answered by reading all tiles,
// at every block: the cost of a block grew with the ledger. Here it is a scalar subquery, which is looked up by key.
import type { MigrationInterface, QueryRunner } from 'typeorm'

const ADD_TILES = /* sql */ `
CREATE OR REPLACE FUNCTION add_tiles() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
DECLARE bad smallint; size bigint := (SELECT max(tree_size) FROM block);
BEGIN
  SELECT min(level) INTO bad FROM (
    SELECT level, count(*) AS n, min(index) AS lo, max(index) AS hi FROM added GROUP BY level) a
   WHERE n <> hi - lo + 1
      OR (lo > 0 AND (SELECT t.index FROM tile t WHERE t.level = a.level AND t.index = a.lo - 1) IS NULL)
      OR ((hi + 1)::numeric * 256::numeric ^ (level + 1) <= coalesce(size, 0)) IS NOT TRUE;
  IF bad IS NOT NULL THEN
    RAISE EXCEPTION 'TILE_OUT_OF_PLACE: level %', bad USING ERRCODE = 'LE006';
  END IF;
  RETURN NULL;
END $$;
`

export class LookUpTiles1795440000000 implements MigrationInterface {
  name = 'LookUpTiles1795440000000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ADD_TILES)
  }

  /** Nothing to take back: what is let in is the same. */
  async down(): Promise<void> {}
}
