// JSON as it may enter: UTF-8, not too deep, no member twice or that poisons a prototype. A fault is told by line and column and
// never quotes the text: V8's own messages do, and the text may be somebody's health.
import { HttpProblem } from '../errors/http-problem.js'

export type JsonLimits = { depthMax: number }

/**
 * Parses a body. Throws HttpProblem 400 `json-broken`, `json-too-deep`, `json-not-utf8`, `json-poisoned` or
 * `json-duplicate-member`.
 */
export function parseJsonBody(bytes: Uint8Array, { depthMax }: JsonLimits): unknown {
  if (bytes.length === 0) throw new HttpProblem(400, 'body-missing', 'The body is empty.')
  const { tooDeep, members } = survey(bytes, depthMax)
  if (tooDeep !== undefined) {
    throw refused('json-too-deep', `The JSON nests deeper than ${depthMax} levels (byte ${tooDeep + 1}).`)
  }
  const text = decode(bytes)
  const value = parse(text)
  if (mayPoison(text)) refusePoison(value)
  // Of two members of one name JSON.parse keeps the last, another reader the first: they would see two records.
  if (membersOf(value) < members) throw refused('json-duplicate-member', 'An object names one of its members twice.')
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refused('json-not-utf8', 'The body is not valid UTF-8.')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const { line, column, expected } = jsonFault(text)
    throw refused('json-broken', `The body is not valid JSON: line ${line}, column ${column}: ${expected}.`)
  }
}

function refused(code: string, detail: string): HttpProblem {
  return new HttpProblem(400, code, detail, { issues: [{ severity: 'fatal', code: 'structure', diagnostics: detail }] })
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

const COLON = 0x3a

// Counts on bytes before anything is parsed, so that no later recursion meets a depth that it cannot bear. Outside of
// strings each colon is a member.
function survey(bytes: Uint8Array, depthMax: number): { tooDeep?: number; members: number } {
  let depth = 0
  let members = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === COLON) members++
    // `[` and `{` are 0x5b and 0x7b, `]` and `}` 0x5d and 0x7d: bit 0x20 apart.
    else if ((byte | 0x20) === 0x7b && ++depth > depthMax) return { tooDeep: at, members }
    else if ((byte | 0x20) === 0x7d) depth--
  }
  return { members }
}

// No deeper than `depthMax`, for the survey came first.
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Array.isArray(value) ? (value as unknown[]) : Object.values(value)
  let count = Array.isArray(value) ? 0 : inner.length
  for (const one of inner) if (typeof one === 'object' && one !== null) count += membersOf(one)
  return count
}

// A cheap look at the text first. An escape could spell a letter of the names; of `_` and a to z, that is.
const SPELLED_OUT = /\\u00(?:5f|6[1-9a-f]|7[0-9a])/i

function mayPoison(text: string): boolean {
  return text.includes('__proto__') || text.includes('"constructor"') || SPELLED_OUT.test(text)
}

function refusePoison(root: unknown): void {
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__') || isPoisonedConstructor(value)) {
      throw refused('json-poisoned', 'A member named __proto__ or constructor.prototype is not accepted.')
    }
    // Nulls say nothing, and pushing one would look like the end of the work.
    for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) open.push(inner)
  }
}

function isPoisonedConstructor(value: object): boolean {
  const { constructor } = value as { constructor?: unknown }
  const own = Object.hasOwn(value, 'constructor') && typeof constructor === 'object' && constructor !== null
  return own && Object.hasOwn(constructor as object, 'prototype')
}

export type JsonFault = { line: number; column: number; expected: string }

/** Where a text that JSON.parse refuses first stops being JSON (line and column from 1). */
export function jsonFault(text: string): JsonFault {
  const { at, expected } = scan(text)
  const before = text.slice(0, at)
  const line = before.split('\n').length
  return { line, column: at - before.lastIndexOf('\n'), expected }
}

const SPACE = /[ \t\n\r]*/y
// `\P{Cc}` alone would also refuse DEL and the C1 controls, which JSON allows in strings.
const PLAIN = String.raw`(?:(?!["\\])[\P{Cc}\u007f-\u009f])*`
const STRING = new RegExp(String.raw`"${PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})${PLAIN})*"`, 'uy')
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y

type Expectation = 'value' | 'value or ]' | 'member' | 'member or }' | 'comma or end'

// A pushdown automaton: `open` holds the brackets that wait for their ends.
function scan(text: string): { at: number; expected: string } {
  const open: string[] = []
  let next: Expectation = 'value'
  let at = skip(SPACE, text, 0)!
  while (at < text.length) {
    const step = advance(text, at, { next, open })
    if ('expected' in step) return step
    next = step.next
    at = skip(SPACE, text, step.at)!
  }
  return { at, expected: open.length > 0 || next !== 'comma or end' ? 'the text ends too early' : 'unknown' }
}

type Step = { at: number; next: Expectation } | { at: number; expected: string }

function advance(text: string, at: number, { next, open }: { next: Expectation; open: string[] }): Step {
  const char = text[at]!
  if (next === 'comma or end') return afterValue(char, at, open)
  const empty = next === 'value or ]' ? ']' : next === 'member or }' ? '}' : undefined
  if (char === empty) return closed(at, open)
  return next === 'member' || next === 'member or }' ? memberName(text, at) : value(text, at, open)
}

function value(text: string, at: number, open: string[]): Step {
  const char = text[at]!
  if (char === '{' || char === '[') {
    open.push(char)
    return { at: at + 1, next: char === '{' ? 'member or }' : 'value or ]' }
  }
  if (char === '"') return string(text, at)
  const end = skip(SCALAR, text, at)
  return end === undefined ? { at, expected: 'a value is expected' } : { at: end, next: 'comma or end' }
}

function string(text: string, at: number): Step {
  const end = skip(STRING, text, at)
  if (end !== undefined) return { at: end, next: 'comma or end' }
  return { at, expected: 'the string that begins here has no end, a control character or a wrong escape' }
}

function memberName(text: string, at: number): Step {
  if (text[at] !== '"') return { at, expected: 'a member name in double quotes is expected' }
  const name = string(text, at)
  if ('expected' in name) return name
  const colon = skip(SPACE, text, name.at)!
  return text[colon] === ':' ? { at: colon + 1, next: 'value' } : { at: colon, expected: 'a colon is expected' }
}

function afterValue(char: string, at: number, open: string[]): Step {
  const inside = open.at(-1)
  if (inside === undefined) return { at, expected: 'nothing more is expected' }
  if (char === ',') return { at: at + 1, next: inside === '{' ? 'member' : 'value' }
  const end = inside === '{' ? '}' : ']'
  return char === end ? closed(at, open) : { at, expected: `a comma or ${end} is expected` }
}

function closed(at: number, open: string[]): Step {
  open.pop()
  return { at: at + 1, next: 'comma or end' }
}

function skip(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}
