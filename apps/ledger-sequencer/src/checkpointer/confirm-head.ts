// At start: does the database still hold all that was ever signed? A restored backup does not, and must not go on as if
// it did, or the log's key would sign a second history (invariants I5, I10).
import {
  beginGovernance,
  EMPTY_HEAD,
  govern,
  headerHashOf,
  parseEntry,
  type Genesis,
  type Governance,
  type KnownTree,
} from '@careseal/ledger-core'
import { equalHashes, type Sha256 } from '@careseal/merkle'
import type { Sql } from '../database/connections.js'
import { loadAdminEntries } from '../database/admin-entries.js'
import { loadHead } from '../database/head.js'
import { StoredTree } from '../tree/stored-tree.js'
import { SealedChain, type VerifiedBlock } from './sealed-chain.js'

export type Confirmation = { chain: SealedChain } | { rolledBack: string }

/**
 * What the signer says of its ledger. `publishedSize` is what was published before it was asked: a deposed sequencer may
 * sign and publish in between, and that is no rollback.
 */
export type SignerWord = { signed: KnownTree; genesis: Genesis; publishedSize: number }

/** The chain as far as the signer has signed it, or how the database contradicts the signer. Reads, writes nothing. */
export async function confirmHead(sql: Sql, sha256: Sha256, word: SignerWord): Promise<Confirmation> {
  const { signed, genesis, publishedSize } = word
  const head = await loadHead(sql)
  if (head.treeSize < signed.size) {
    return { rolledBack: `size ${signed.size} was signed, the database holds only ${head.treeSize}` }
  }
  if (publishedSize > signed.size) {
    return { rolledBack: `size ${publishedSize} was published, the signer remembers only ${signed.size}` }
  }
  const block = await lastBlockOf(sql, sha256, signed.size)
  if (!block) return { rolledBack: `no block of the database ends at the signed size ${signed.size}` }
  const tree = await new StoredTree(sql, sha256, signed.size).growing()
  if (!equalHashes(tree.range.root(), signed.root)) {
    return { rolledBack: `the database has another root at size ${signed.size} than the one that was signed` }
  }
  const governance = signed.size === 0 ? null : await governanceAt(sql, sha256, { genesis, size: signed.size })
  return { chain: new SealedChain(sha256, tree, block, governance) }
}

/** Keys, policy and retreats as the entries of the database below `size` have them. */
export async function governanceAt(
  sql: Sql,
  sha256: Sha256,
  { genesis, size }: { genesis: Genesis; size: number },
): Promise<Governance> {
  const entries = await loadAdminEntries(sql, size)
  return entries.reduce((state, entry) => govern(sha256, state, entry), beginGovernance(genesis))
}

async function lastBlockOf(sql: Sql, sha256: Sha256, size: number): Promise<VerifiedBlock | null> {
  if (size === 0) return EMPTY_HEAD
  const found = await sql.query<{ header: Uint8Array }>('SELECT header FROM block WHERE tree_size = $1', [size])
  const bytes = found.rows[0]?.header
  const entry = bytes ? parseEntry(bytes) : null
  if (!bytes || !entry || !('block' in entry)) return null
  const { height, epoch, time } = entry.block
  return { height, epoch, time, headerHash: headerHashOf(sha256, bytes) }
}
