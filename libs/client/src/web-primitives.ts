// SHA-256 and Ed25519 for Node and browsers alike. WebCrypto hashes only asynchronously, but a proof is folded from many
// small hashes in a row: so SHA-256 (FIPS 180-4) is here in full.
import type { VerifyReceiptOptions } from '@careseal/ledger-core'

const BLOCK = 64

/** The first 32 bits of the fractional parts of a root of the first primes, as FIPS 180-4 defines its constants. */
function rootsOfPrimes(count: number, root: (prime: number) => number): Uint32Array {
  const words: number[] = []
  for (let candidate = 2; words.length < count; candidate++) {
    const isPrime = !Array.from({ length: candidate - 2 }, (_, at) => at + 2).some((each) => candidate % each === 0)
    if (isPrime) words.push((root(candidate) % 1) * 2 ** 32)
  }
  return Uint32Array.from(words, Math.floor)
}

const ROUNDS = rootsOfPrimes(64, Math.cbrt)
const START = rootsOfPrimes(8, Math.sqrt)

const turn = (word: number, by: number) => (word >>> by) | (word << (32 - by))

/** SHA-256 of the chunks one after the other. */
export function sha256(...chunks: Uint8Array[]): Uint8Array {
  const padded = pad(chunks)
  const state = Uint32Array.from(START)
  for (let at = 0; at < padded.byteLength; at += BLOCK) mix(state, schedule(padded, at))
  const hash = new DataView(new ArrayBuffer(32))
  state.forEach((word, index) => hash.setUint32(index * 4, word))
  return new Uint8Array(hash.buffer)
}

/** HMAC-SHA-256 (RFC 2104). */
export function hmacSha256(key: Uint8Array, ...chunks: Uint8Array[]): Uint8Array {
  const block = new Uint8Array(BLOCK)
  block.set(key.length > BLOCK ? sha256(key) : key)
  const inner = sha256(
    block.map((byte) => byte ^ 0x36),
    ...chunks,
  )
  return sha256(
    block.map((byte) => byte ^ 0x5c),
    inner,
  )
}

/** Whether an Ed25519 signature is valid (RFC 8032), by WebCrypto. */
export async function verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { subtle } = globalThis.crypto
  const publicKey = await subtle.importKey('raw', copyOf(key), { name: 'Ed25519' }, false, ['verify'])
  return subtle.verify({ name: 'Ed25519' }, publicKey, copyOf(signature), copyOf(message))
}

/** What the verification of receipts and checkpoints takes as arguments. */
export const WEB_PRIMITIVES: Pick<VerifyReceiptOptions, 'sha256' | 'hmacSha256' | 'verifyEd25519'> = {
  sha256,
  hmacSha256,
  verifyEd25519,
}

function pad(chunks: readonly Uint8Array[]): DataView {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const padded = new Uint8Array(Math.ceil((length + 9) / BLOCK) * BLOCK)
  let at = 0
  for (const chunk of chunks) {
    padded.set(chunk, at)
    at += chunk.length
  }
  padded[length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - 8, BigInt(length) * 8n)
  return view
}

function schedule(bytes: DataView, at: number): Uint32Array {
  const words = new Uint32Array(64)
  for (let index = 0; index < 16; index++) words[index] = bytes.getUint32(at + index * 4)
  for (let index = 16; index < 64; index++) {
    const early = words[index - 15] as number
    const late = words[index - 2] as number
    const first = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)
    const second = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10)
    words[index] = (words[index - 16] as number) + first + (words[index - 7] as number) + second
  }
  return words
}

function mix(state: Uint32Array, words: Uint32Array): void {
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let index = 0; index < 64; index++) {
    const chosen = (e & f) ^ (~e & g)
    const sumE = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)
    const first = (h + sumE + chosen + (ROUNDS[index] as number) + (words[index] as number)) | 0
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + majority) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0]
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] as number) + word
}

// WebCrypto takes no views of shared memory; a copy has memory of its own.
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes)
}
