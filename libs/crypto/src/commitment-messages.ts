// The bytes under commitments and tags, for producers (node:crypto) and verifiers in a browser alike.
import { concat, u32, u64, utf8 } from './bytes.js'

const EVENT = utf8('careseal/v1/event')
const CONTENT = utf8('careseal/v1/content')

/** What a leaf's commitment is an HMAC of: "careseal/v1/event" || length-prefixed type || body. */
export function eventMessage(type: string, body: Uint8Array): Uint8Array {
  const typeBytes = utf8(type)
  return concat(EVENT, u32(typeBytes.length), typeBytes, body)
}

/** What `content` is an HMAC of: "careseal/v1/content" || private bytes. */
export function contentMessage(privateBytes: Uint8Array): Uint8Array {
  return concat(CONTENT, privateBytes)
}

/** What the n-th tag of a subject's month is an HMAC of. Counters start at 1. */
export function tagMessage(n: number): Uint8Array {
  if (!Number.isSafeInteger(n) || n < 1) throw new RangeError('tag counters start at 1')
  return u64(n)
}
