// The tables of the ledger and what one row alone must hold. What needs other rows is in ledger-guards.sql.ts.

export const LEDGER_TABLES = /* sql */ `
CREATE TABLE lease (
  ledger_id    text PRIMARY KEY CHECK (ledger_id = 'main'),
  epoch        bigint NOT NULL CHECK (epoch >= 0),
  holder       uuid,
  backend_pids integer[] NOT NULL DEFAULT '{}',
  expires_at   timestamptz NOT NULL
);

CREATE TABLE head (
  ledger_id     text PRIMARY KEY CHECK (ledger_id = 'main'),
  tree_size     bigint NOT NULL CHECK (tree_size >= 0),
  root          bytea NOT NULL CHECK (octet_length(root) = 32),
  compact_range bytea NOT NULL CHECK (octet_length(compact_range) = 32 * bit_count(tree_size::bit(64))),
  height        bigint NOT NULL CHECK (height >= -1),
  header_hash   bytea NOT NULL CHECK (octet_length(header_hash) = 32),
  epoch         bigint NOT NULL
);

-- A writer gives header, hash, controls and leaves; every other column is read out of the header by place_block().
CREATE TABLE block (
  height       bigint PRIMARY KEY,
  hash         bytea NOT NULL CONSTRAINT header_hashes CHECK (hash = sha256(header)),
  prev_hash    bytea NOT NULL UNIQUE CHECK (octet_length(prev_hash) = 32),
  first_index  bigint NOT NULL CHECK (first_index >= 0),
  tree_size    bigint NOT NULL UNIQUE CONSTRAINT block_not_empty CHECK (tree_size > first_index + 1),
  epoch        bigint NOT NULL,
  time         bigint NOT NULL,
  runs         jsonb NOT NULL,
  header       bytea NOT NULL CHECK (octet_length(header) < 65536),
  controls     bytea[] NOT NULL,
  leaves       bytea NOT NULL CHECK (octet_length(leaves) % 64 = 0),
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Uncompressed and out of line, so that substring() reads one leaf without reading the block.
ALTER TABLE block ALTER COLUMN leaves SET STORAGE EXTERNAL;

CREATE TABLE producer_cursor (
  producer  text PRIMARY KEY,
  last_seq  bigint NOT NULL CHECK (last_seq >= 0),
  last_link bytea NOT NULL CHECK (octet_length(last_link) = 32),
  height    bigint NOT NULL REFERENCES block
);

-- Full tiles alone. root is the tile's own hash, so a partial tile one level up is a range of rows.
CREATE TABLE tile (
  level  smallint NOT NULL CHECK (level BETWEEN 0 AND 6),
  index  bigint NOT NULL CHECK (index >= 0),
  hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
  root   bytea NOT NULL CHECK (octet_length(root) = 32),
  PRIMARY KEY (level, index)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE published (
  ledger_id   text PRIMARY KEY CHECK (ledger_id = 'main'),
  size        bigint NOT NULL CHECK (size >= 0),
  root        bytea NOT NULL CHECK (octet_length(root) = 32),
  note        text NOT NULL,
  cosigned_at timestamptz NOT NULL
);

-- A freeze ends with a new incarnation of the producer, never with a delete.
CREATE TABLE frozen_producer (
  producer  text PRIMARY KEY REFERENCES producer_cursor,
  seq       bigint NOT NULL,
  reason    text NOT NULL,
  frozen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO lease VALUES ('main', 0, NULL, '{}', '-infinity');
INSERT INTO head VALUES ('main', 0, sha256(''), '', -1, decode(repeat('00', 32), 'hex'), 0);
INSERT INTO published VALUES ('main', 0, sha256(''), '', '-infinity');
`

export const LEDGER_GRANTS = /* sql */ `
GRANT USAGE ON SCHEMA ledger TO ledger;
GRANT SELECT, UPDATE ON lease, head, published TO ledger;
GRANT SELECT, INSERT ON block, tile, frozen_producer TO ledger;
GRANT SELECT, INSERT, UPDATE ON producer_cursor TO ledger;
`
