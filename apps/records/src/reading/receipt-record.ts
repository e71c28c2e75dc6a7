import { proveField, type FieldTree } from '@careseal/crypto'
import type { ReceiptRecord } from '@careseal/ledger-core'
import type { VersionPlace } from '../versions/version-vault.js'

/** All fields of a version, or the one named by its JSON Pointer with its own proof; undefined for no such field. */
export async function receiptRecord(
  { type, id, versionId }: VersionPlace,
  tree: FieldTree,
  field: string | undefined,
): Promise<ReceiptRecord | undefined> {
  if (field === undefined) {
    const fields = tree.leaves.map(({ pointer, salt, value }) => ({ pointer, salt, value }))
    return { type, id, versionId, fields }
  }
  if (!tree.leaves.some((leaf) => leaf.pointer === field)) return undefined
  return { type, id, versionId, shown: [await proveField(tree, field)] }
}
