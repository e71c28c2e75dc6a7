// Decides whether a tree may take the place of the largest one that a cosigner has signed: the rules of tlog-witness.
// Whoever obeys them never signs two trees of which neither continues the other. The log's signer and every witness do.
import { emptyRoot, equalHashes, verifyConsistency, type Hash, type Sha256 } from '@careseal/merkle'

/** The largest tree that was ever signed. */
export type KnownTree = { size: number; root: Hash }

/** Continue from `oldSize` to this tree; `proof` is the consistency proof between the two (RFC 6962 section 2.1.2). */
export type SwapRequest = KnownTree & { oldSize: number | bigint; proof: readonly Hash[] }

export type SwapRefusal = 'old-size-beyond-size' | 'empty-tree-has-root' | 'proof-not-empty' | 'fork' | 'inconsistent'

export type SwapAnswer = { accepted: KnownTree } | { conflict: number } | { refused: SwapRefusal }

/** A conflict names the size that was really signed last. The order of the checks is that of tlog-witness. */
export function judgeSwap(sha256: Sha256, known: KnownTree, request: SwapRequest): SwapAnswer {
  const { size, root, proof } = request
  const oldSize = BigInt(request.oldSize)
  if (oldSize > BigInt(size)) return { refused: 'old-size-beyond-size' }
  if (size === 0 && !equalHashes(root, emptyRoot(sha256))) return { refused: 'empty-tree-has-root' }
  if (oldSize !== BigInt(known.size)) return { conflict: known.size }
  const accepted = { accepted: { size, root } }
  if (oldSize === 0n) return proof.length === 0 ? accepted : { refused: 'proof-not-empty' }
  if (size === known.size) return judgeSame(known, request)
  const grown = { oldSize, newSize: size, oldRoot: known.root, newRoot: root, proof }
  return verifyConsistency(sha256, grown) ? accepted : { refused: 'inconsistent' }
}

function judgeSame(known: KnownTree, { root, proof }: SwapRequest): SwapAnswer {
  if (proof.length > 0) return { refused: 'proof-not-empty' }
  return equalHashes(known.root, root) ? { accepted: { size: known.size, root } } : { refused: 'fork' }
}

/** What is known before the first signature. */
export function nothingKnown(sha256: Sha256): KnownTree {
  return { size: 0, root: emptyRoot(sha256) }
}
