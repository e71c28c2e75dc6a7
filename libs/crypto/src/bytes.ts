// Strict text forms of bytes, without node:crypto and Buffer so that they run in a browser. Each form has one spelling:
// what decodes encodes to the same text again.

/** A text that is not the one spelling of any bytes. Its message never repeats the text. */
export class NotDecodable extends Error {
  readonly code = 'not-decodable'
  override readonly name = 'NotDecodable'
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const HEX_PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const SIXES = new Map([...ALPHABET].map((letter, six) => [letter.charCodeAt(0), six]))
const PAD = '='.charCodeAt(0)

/** UTF-8. Lone surrogates become U+FFFD: check with `isWellFormed` first where the text is not ours. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Throws NotDecodable when the bytes are not UTF-8; keeps a byte order mark. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new NotDecodable('not UTF-8')
  }
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX_PAIRS[byte]
  return text
}

/** Lower-case digits only; `length` is in bytes. Throws NotDecodable otherwise. */
export function fromHex(text: string, length: number = text.length / 2): Uint8Array {
  if (text.length !== length * 2) throw new NotDecodable('hexadecimal of another length')
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i))
    const low = hexDigit(text.charCodeAt(2 * i + 1))
    bytes[i] = high * 16 + low
  }
  return bytes
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x61 && code <= 0x66) return code - 0x57
  throw new NotDecodable('not lower-case hexadecimal')
}

/** RFC 4648 section 4: standard alphabet with padding. */
export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3)
    const left = bytes.length - i
    text += ALPHABET.charAt(a >> 2) + ALPHABET.charAt(((a & 3) << 4) | (b >> 4))
    text += left > 1 ? ALPHABET.charAt(((b & 15) << 2) | (c >> 6)) : '='
    text += left > 2 ? ALPHABET.charAt(c & 63) : '='
  }
  return text
}

/** Throws NotDecodable at white space, missing padding, the url alphabet and trailing bits that are not zero. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new NotDecodable('base64 without its padding')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  for (let i = 0; i < text.length; i += 4) {
    const last = i + 4 === text.length
    const group = sixesOf(text, i, last ? padding : 0)
    bytes[at++] = group >> 16
    if (at < bytes.length) bytes[at++] = group >> 8
    if (at < bytes.length) bytes[at++] = group
    if (last && (group & [0, 0xff, 0xffff][padding]!) !== 0) throw new NotDecodable('base64 with loose bits')
  }
  return bytes
}

function sixesOf(text: string, start: number, padding: number): number {
  let group = 0
  for (let i = 0; i < 4; i++) {
    const code = text.charCodeAt(start + i)
    const six = i >= 4 - padding && code === PAD ? 0 : SIXES.get(code)
    if (six === undefined) throw new NotDecodable('not base64')
    group = (group << 6) | six
  }
  return group
}

export function concat(...chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** A length prefix: unsigned, 32 bits, big-endian. */
export function u32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new RangeError('not an unsigned 32-bit number')
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** A counter: unsigned, 64 bits, big-endian. */
export function u64(value: number | bigint): Uint8Array {
  const big = BigInt(value)
  if (big < 0n || big > 0xffffffffffffffffn || (typeof value === 'number' && !Number.isSafeInteger(value))) {
    throw new RangeError('not an unsigned 64-bit number')
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, big)
  return bytes
}
