// The administration entries of the ledger, in order: few beside the leaves, and found by an index of their own.
import { parseEntry, type PlacedAdmin } from '@careseal/ledger-core'
import type { Sql } from './connections.js'

/** Those below a size of the tree at which a block ends; genesis is none of them. */
export async function loadAdminEntries(sql: Sql, size: number): Promise<PlacedAdmin[]> {
  const found = await sql.query<{ firstIndex: number; controls: Uint8Array[] }>(
    `SELECT first_index AS "firstIndex", controls FROM block
      WHERE cardinality(controls) > 0 AND tree_size <= $1 ORDER BY height`,
    [size],
  )
  return found.rows.flatMap(({ firstIndex, controls }) => controls.flatMap((bytes, i) => placed(firstIndex + i, bytes)))
}

function placed(index: number, bytes: Uint8Array): PlacedAdmin[] {
  const entry = parseEntry(bytes)
  return 'admin' in entry ? [{ index, admin: entry.admin }] : []
}
