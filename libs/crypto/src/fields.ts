// The field tree with this machine's SHA-256.
import { type JsonValue } from './canonical-json.js'
import { buildFieldTree, proveFieldWith, verifyFieldWith, type FieldProof, type FieldTree } from './field-tree.js'
import { sha256 } from './hash.js'

/** See buildFieldTree. Salts come from `fieldSalts(key, version)`. */
export function fieldTree(resource: JsonValue, saltOf: (pointer: string) => Uint8Array): FieldTree {
  return buildFieldTree(sha256, resource, saltOf)
}

/** See proveFieldWith. */
export function proveField(tree: FieldTree, pointer: string): Promise<FieldProof> {
  return proveFieldWith(sha256, tree, pointer)
}

/** See verifyFieldWith. */
export function verifyField(root: Uint8Array, field: FieldProof): boolean {
  return verifyFieldWith(sha256, root, field)
}
