// A resource as an RFC 6962 tree with one salted leaf per primitive or empty container, so that one field can be shown
// and proven while the salts of the others keep them hidden. Runs in a browser: sha256 comes in as an argument.
import { inclusionProof, leafHash, merkleRoot, type Hash, type Sha256, verifyInclusion } from '@careseal/merkle'
import { hex, fromHex, utf8 } from './bytes.js'
import { canonicalJson, canonicalString, JSON_DEPTH_MAX, NotCanonical, type JsonValue } from './canonical-json.js'

/** What opens one leaf: `salt` is 64 hex digits, `value` a primitive, `[]` or `{}`. */
export type FieldOpening = { pointer: string; salt: string; value: JsonValue }

export type FieldLeaf = FieldOpening & { leafHash: Hash }

/** Leaves by the bytes of their JSON Pointers; `root` is the `content` of the event that adds the version. */
export type FieldTree = { root: Hash; leaves: FieldLeaf[] }

/** One field with its way to the root: `index` of `size` leaves, `proof` in hex. */
export type FieldProof = FieldOpening & { index: number; size: number; proof: string[] }

/** The tree of a resource. `saltOf` answers 32 bytes that nobody can guess, for each pointer its own. */
export function buildFieldTree(
  sha256: Sha256,
  resource: JsonValue,
  saltOf: (pointer: string) => Uint8Array,
): FieldTree {
  const fields: { pointer: string; value: JsonValue }[] = []
  collect(resource, '', fields)
  fields.sort((a, b) => compareUtf8(a.pointer, b.pointer))
  const leaves = fields.map(({ pointer, value }) => {
    const opening = { pointer, salt: hex(saltOf(pointer)), value }
    return { ...opening, leafHash: fieldLeafHash(sha256, opening) }
  })
  return { root: rootOf(sha256, leaves), leaves }
}

/** The leaf's hash: RFC 6962 over JCS([salt, pointer, value]). */
export function fieldLeafHash(sha256: Sha256, { pointer, salt, value }: FieldOpening): Hash {
  fromHex(salt, 32)
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0) throw new RangeError('not a field')
  return leafHash(sha256, utf8(`["${salt}",${canonicalString(pointer)},${canonicalJson(value)}]`))
}

/** The root of a whole resource's openings. Throws a RangeError when their pointers are not in order, each once. */
export function rootOfFields(sha256: Sha256, openings: readonly FieldOpening[]): Hash {
  if (openings.length === 0) throw new RangeError('a resource has at least one field')
  for (let i = 1; i < openings.length; i++) {
    const [before, after] = [openings[i - 1]!.pointer, openings[i]!.pointer]
    if (compareUtf8(before, after) >= 0) throw new RangeError('fields are not in the order of their pointers')
  }
  return merkleRoot(
    sha256,
    openings.map((opening) => fieldLeafHash(sha256, opening)),
  )
}

/** Shows one field of a tree without the others. Throws a RangeError when there is no such leaf. */
export async function proveFieldWith(sha256: Sha256, tree: FieldTree, pointer: string): Promise<FieldProof> {
  const index = tree.leaves.findIndex((leaf) => leaf.pointer === pointer)
  const leaf = tree.leaves[index]
  if (leaf === undefined) throw new RangeError('no such field')
  const hashes = tree.leaves.map((each) => each.leafHash)
  const size = hashes.length
  const proof = await inclusionProof(index, size, (start, end) => merkleRoot(sha256, hashes.slice(start, end)))
  return { pointer, salt: leaf.salt, value: leaf.value, index, size, proof: proof.map(hex) }
}

/** Whether a shown field stands under `root`. Malformed input is false, never an exception. */
export function verifyFieldWith(sha256: Sha256, root: Hash, field: FieldProof): boolean {
  try {
    return verifyInclusion(sha256, {
      index: field.index,
      size: field.size,
      leafHash: fieldLeafHash(sha256, field),
      proof: field.proof.map((hash) => fromHex(hash, 32)),
      root,
    })
  } catch {
    return false
  }
}

function rootOf(sha256: Sha256, leaves: readonly FieldLeaf[]): Hash {
  return merkleRoot(
    sha256,
    leaves.map((leaf) => leaf.leafHash),
  )
}

function collect(value: JsonValue, pointer: string, into: { pointer: string; value: JsonValue }[], depth = 1): void {
  if (value === null || typeof value !== 'object') {
    into.push({ pointer, value })
    return
  }
  if (depth > JSON_DEPTH_MAX) throw new NotCanonical('nested too deeply')
  const members: (readonly [string, JsonValue])[] = Array.isArray(value)
    ? Array.from(value as readonly JsonValue[], (item, index) => [String(index), item] as const)
    : Object.entries(value)
  if (members.length === 0) into.push({ pointer, value })
  for (const [name, member] of members) collect(member, `${pointer}/${escaped(name)}`, into, depth + 1)
}

function escaped(name: string): string {
  return name.includes('~') || name.includes('/') ? name.replaceAll('~', '~0').replaceAll('/', '~1') : name
}

/** The order of two texts' UTF-8 bytes, without encoding them: UTF-16 order, but surrogates come after U+E000…U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (left !== right) return weight(left) - weight(right)
  }
  return a.length - b.length
}

function weight(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
