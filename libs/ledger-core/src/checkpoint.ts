// C2SP tlog-checkpoint, without extension lines: those of others are refused as witnesses refuse them.
import { base64, fromBase64 } from '@careseal/crypto/portable'
import { HASH_BYTES, type Hash } from '@careseal/merkle'
import { checkOrigin } from './entry.js'
import { Malformed, orMalformed, parseDecimal } from './malformed.js'

/** What a log says of itself: `root` is the RFC 6962 root of its first `size` entries. */
export type Checkpoint = { origin: string; size: number; root: Hash }

/** The text that the log signs. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  checkOrigin(origin)
  if (!Number.isSafeInteger(size) || size < 0) throw new Malformed('not a tree size')
  if (root.length !== HASH_BYTES) throw new Malformed('not a root')
  return `${origin}\n${size}\n${base64(root)}\n`
}

/** The checkpoint that a note's text is. Throws Malformed, also for extension lines and sizes from 2^53. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = '', end, ...more] = text.split('\n')
  if (end !== '' || more.length > 0) throw new Malformed('a checkpoint has three lines')
  if (origin === '') throw new Malformed('a checkpoint names its origin')
  const hash = orMalformed('not a root', () => fromBase64(root))
  if (hash.length !== HASH_BYTES) throw new Malformed('not a root')
  return { origin, size: parseDecimal(size), root: hash }
}
