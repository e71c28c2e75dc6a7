// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) where there is no node:crypto and WebCrypto's digest would have to be waited
// for at each node of a tree. For public data: it takes no care of timing.
import { concat } from './bytes.js'

const BLOCK_BYTES = 64

// FIPS 180-4 sections 4.2.2 and 5.3.3: the first 32 bits of the fractional parts of roots of the first primes.
const PRIMES = firstPrimes(64)
const ROUND_CONSTANTS = Uint32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)))
const START = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

/** SHA-256 over the concatenation of its chunks. */
export function portableSha256(...chunks: Uint8Array[]): Uint8Array {
  const bytes = padded(concat(...chunks))
  const state = START.slice()
  const view = new DataView(bytes.buffer)
  const words = new Uint32Array(64)
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i)
    takeBlock(state, words)
  }
  const hash = new Uint8Array(32)
  const into = new DataView(hash.buffer)
  for (const [i, word] of state.entries()) into.setUint32(4 * i, word)
  return hash
}

/** HMAC-SHA-256 over the concatenation of its chunks. */
export function portableHmacSha256(key: Uint8Array, ...chunks: Uint8Array[]): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? portableSha256(key) : key)
  const inner = block.map((byte) => byte ^ 0x36)
  const outer = block.map((byte) => byte ^ 0x5c)
  return portableSha256(outer, portableSha256(inner, ...chunks))
}

function padded(message: Uint8Array): Uint8Array {
  const length = Math.ceil((message.length + 9) / BLOCK_BYTES) * BLOCK_BYTES
  const bytes = new Uint8Array(length)
  bytes.set(message)
  bytes[message.length] = 0x80
  new DataView(bytes.buffer).setBigUint64(length - 8, BigInt(message.length) * 8n)
  return bytes
}

function takeBlock(state: Uint32Array, words: Uint32Array): void {
  for (let i = 16; i < 64; i++) {
    const [before, late] = [words[i - 15]!, words[i - 2]!]
    const small0 = turned(before, 7) ^ turned(before, 18) ^ (before >>> 3)
    const small1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10)
    words[i] = words[i - 16]! + small0 + words[i - 7]! + small1
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const big1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
    const first = (h + big1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[i]! + words[i]!) | 0
    const big0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0]
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = state[i]! + word
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32)
}

function firstPrimes(count: number): number[] {
  const primes: number[] = []
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number)
  }
  return primes
}
