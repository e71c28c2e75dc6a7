// RFC 8785 (JCS): one value has one text. Hashes and commitments are made over it, so what has no canonical text
// (undefined, NaN, lone surrogates, dates, class instances) is refused, never repaired.
import { utf8 } from './bytes.js'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** How deeply arrays and objects may be nested, the outermost being 1. */
export const JSON_DEPTH_MAX = 100

/** A value without a canonical text. The message names the rule, never the value. */
export class NotCanonical extends Error {
  readonly code = 'not-canonical'
  override readonly name = 'NotCanonical'
}

/**
 * The canonical text: no white space, keys in order of their UTF-16 code units, numbers as ECMAScript writes them.
 *
 * Throws NotCanonical for everything that is not plain JSON, and beyond JSON_DEPTH_MAX levels.
 */
export function canonicalJson(value: JsonValue): string {
  return write(value, 1)
}

/** The canonical text as UTF-8. */
export function canonicalBytes(value: JsonValue): Uint8Array {
  return utf8(canonicalJson(value))
}

function write(value: unknown, depth: number): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return canonicalString(value)
    case 'number':
      if (!Number.isFinite(value)) throw new NotCanonical('a number that is not finite')
      return String(value === 0 ? 0 : value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (depth > JSON_DEPTH_MAX) throw new NotCanonical('nested too deeply')
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth)
    default:
      throw new NotCanonical(`a value of type ${typeof value}`)
  }
}

/** A string's canonical text. JSON.stringify escapes as RFC 8785 section 3.2.2.2 asks, but for lone surrogates. */
export function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new NotCanonical('a lone surrogate')
  return JSON.stringify(text)
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = '['
  for (let i = 0; i < items.length; i++) text += (i === 0 ? '' : ',') + write(items[i], depth + 1)
  return text + ']'
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new NotCanonical('an object that is not plain')
  const members = value as Record<string, unknown>
  let text = ''
  // Array.prototype.sort compares strings by UTF-16 code units, which is the order of RFC 8785 section 3.2.3.
  for (const key of Object.keys(members).toSorted()) {
    text += `${text === '' ? '' : ','}${canonicalString(key)}:${write(members[key], depth + 1)}`
  }
  return `{${text}}`
}
