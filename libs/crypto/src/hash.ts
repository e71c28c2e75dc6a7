import { createHash, createHmac, hash } from 'node:crypto'
import { concat } from './bytes.js'

// One-shot hashing wins for small inputs, but needs them in one piece; copying large ones would cost more than it saves.
const ONE_SHOT_BYTES_MAX = 65_536

/** SHA-256 over the concatenation of its chunks. */
export function sha256(...chunks: Uint8Array[]): Uint8Array {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  if (length > ONE_SHOT_BYTES_MAX) return sha256InPieces(chunks)
  return plain(hash('sha256', chunks.length === 1 ? (chunks[0] as Uint8Array) : concat(...chunks), 'buffer'))
}

function sha256InPieces(chunks: readonly Uint8Array[]): Uint8Array {
  const running = createHash('sha256')
  for (const chunk of chunks) running.update(chunk)
  return plain(running.digest())
}

/** HMAC-SHA-256 (RFC 2104) over the concatenation of its chunks. */
export function hmacSha256(key: Uint8Array, ...chunks: Uint8Array[]): Uint8Array {
  const running = createHmac('sha256', key)
  for (const chunk of chunks) running.update(chunk)
  return plain(running.digest())
}

// A Buffer would leak its own slice(), which shares memory where Uint8Array's copies.
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
