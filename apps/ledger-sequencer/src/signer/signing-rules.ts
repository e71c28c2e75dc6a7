// Decides whether the log's key may sign a tree: a witness's rules (tlog-witness), asked with the log's own key.
// Whoever obeys them never signs two trees of which neither continues the other.
import { emptyRoot, equalHashes, verifyConsistency, type Hash, type Sha256 } from '@careseal/merkle'

/** The largest tree that was ever signed. */
export type SignedTree = { size: number; root: Hash }

/** Continue from `oldSize` to this tree; `proof` is the consistency proof between the two (RFC 6962 section 2.1.2). */
export type SwapRequest = SignedTree & { oldSize: number; proof: readonly Hash[] }

export type SigningRefusal = 'old-size-beyond-size' | 'empty-tree' | 'proof-not-empty' | 'fork' | 'inconsistent'

export type SwapAnswer = { accepted: SignedTree } | { conflict: number } | { refused: SigningRefusal }

/** A conflict names the size that was really signed last. */
export function judgeSwap(sha256: Sha256, signed: SignedTree, request: SwapRequest): SwapAnswer {
  const { oldSize, size, root, proof } = request
  if (oldSize > size) return { refused: 'old-size-beyond-size' }
  if (size === 0) return { refused: 'empty-tree' }
  if (oldSize !== signed.size) return { conflict: signed.size }
  if (oldSize === 0) return proof.length === 0 ? { accepted: { size, root } } : { refused: 'proof-not-empty' }
  if (size === oldSize) return judgeSame(signed, request)
  const continues = verifyConsistency(sha256, { oldSize, newSize: size, oldRoot: signed.root, newRoot: root, proof })
  return continues ? { accepted: { size, root } } : { refused: 'inconsistent' }
}

function judgeSame(signed: SignedTree, { root, proof }: SwapRequest): SwapAnswer {
  if (proof.length > 0) return { refused: 'proof-not-empty' }
  return equalHashes(signed.root, root) ? { accepted: signed } : { refused: 'fork' }
}

export function nothingSigned(sha256: Sha256): SignedTree {
  return { size: 0, root: emptyRoot(sha256) }
}
