// Whatever the signer gave up stands on the ledger before anything new does: as the first block after the retreat, under
// the approvals that the signer was shown.
import { sha256 } from '@careseal/crypto'
import { govern, isAbandoned, type Governance, type PlacedAdmin } from '@careseal/ledger-core'
import { equalHashes } from '@careseal/merkle'
import { appendBlock } from '../appender/append-block.js'
import type { BlockPlanner } from '../appender/block-planner.js'
import type { Sql } from '../database/connections.js'
import { StoredTree } from '../tree/stored-tree.js'

export type RetreatRecord = {
  retreat: PlacedAdmin | null
  governance: Governance
  planner: BlockPlanner
  /** The connection for appends. */
  writer: Parameters<typeof appendBlock>[0]
  sql: Sql
  /** Seconds since 1970. */
  time: number
}

/** What holds afterwards, or null where the ledger neither tells of the retreat nor can any more. */
export async function recordRetreat(record: RetreatRecord): Promise<Governance | null> {
  const { retreat, governance, planner, writer, time } = record
  if (retreat === null || isRecorded(governance, retreat)) return governance
  if (retreat.index !== planner.treeSize) return (await isStillThere(record, retreat)) ? governance : null
  const after = govern(sha256, governance, retreat)
  // If we crash here, the next start finds the entry there, or appends it.
  await appendBlock(writer, planner.planAdmin(retreat.admin, null, time))
  return after
}

type Abandoned = { abandonedSize: number; abandonedRoot: string }

function isRecorded({ retreats }: Governance, { admin }: PlacedAdmin): boolean {
  const { abandonedSize: size, abandonedRoot: root } = admin.data as Abandoned
  return isAbandoned(retreats, { size, root })
}

// What was given up came back, by a better copy of the database: then nothing was lost and there is nothing to tell.
async function isStillThere({ planner, sql }: RetreatRecord, { admin }: PlacedAdmin): Promise<boolean> {
  const { abandonedSize: size, abandonedRoot } = admin.data as Abandoned
  if (planner.treeSize < size) return false
  const root = await new StoredTree(sql, sha256, size).root()
  return equalHashes(root, Buffer.from(abandonedRoot, 'hex'))
}
