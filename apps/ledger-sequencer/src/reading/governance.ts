// What governs the ledger, from its own entries: the genesis, and what operators approved since.
import {
  keyHistory,
  parseEntry,
  type Control,
  type Genesis,
  type LedgerKey,
  type PlacedAdmin,
} from '@careseal/ledger-core'
import type { Sha256 } from '@careseal/merkle'
import type { Sql } from '../database/connections.js'

/** `height` and `time` are those of the block that the entry opens. */
export type GovernanceEntry = {
  index: number
  height: number
  time: number
  type: string
  data: unknown
  operators: string[]
  bytes: Uint8Array
}

type Row = { height: number; firstIndex: number; time: number; controls: Buffer[] }

/** Control entries from an index on, in order; `next` is the index of the first that was left out. */
export async function loadGovernance(
  sql: Sql,
  { from, limit }: { from: number; limit: number },
): Promise<{ entries: GovernanceEntry[]; next: number | null }> {
  const found = await sql.query<Row>(
    `SELECT height, first_index AS "firstIndex", time, controls FROM block
      WHERE cardinality(controls) > 0 AND first_index + cardinality(controls) > $1 ORDER BY height LIMIT $2`,
    [from, limit + 1],
  )
  const all = found.rows.flatMap(entriesOf).filter(({ index }) => index >= from)
  return { entries: all.slice(0, limit), next: all[limit]?.index ?? null }
}

/** Every key that ever signed for this ledger, and for which sizes; null before there is a genesis. */
export async function loadKeys(sql: Sql, sha256: Sha256): Promise<{ origin: string; keys: LedgerKey[] } | null> {
  let genesis: Genesis | undefined
  const admins: PlacedAdmin[] = []
  for (let from: number | null = 0; from !== null;) {
    const page: Awaited<ReturnType<typeof loadGovernance>> = await loadGovernance(sql, { from, limit: 1000 })
    for (const { index, bytes } of page.entries) {
      const control = parseEntry(bytes) as Control
      if ('genesis' in control) genesis = control.genesis
      else admins.push({ index, admin: control.admin })
    }
    from = page.next
  }
  return genesis ? { origin: genesis.origin, keys: keyHistory(sha256, genesis, admins) } : null
}

function entriesOf({ firstIndex, controls, ...block }: Row): GovernanceEntry[] {
  return controls.map((bytes, i) => {
    const { type, data, operators } = told(parseEntry(bytes) as Control)
    return { index: firstIndex + i, ...block, type, data, operators, bytes }
  })
}

function told(control: Control): Pick<GovernanceEntry, 'type' | 'data' | 'operators'> {
  if ('genesis' in control) return { type: 'genesis', data: control.genesis, operators: [] }
  const { type, data, approvals } = control.admin
  return { type, data, operators: approvals.map(({ operator }) => operator) }
}
