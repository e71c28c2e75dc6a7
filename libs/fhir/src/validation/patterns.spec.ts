// No pattern of the schema may take longer than linear: one small body would stop a service for everybody.
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { loadDefinitions } from '../definitions.js'
import { boundedPatterns, TEXT_LENGTH_MAX } from './patterns.js'

const patterns = [...new Set(patternsIn(loadDefinitions().schema))]

/** A value that each pattern accepts; its beginnings lead hostile text into every part of the pattern. */
const VALUES = [
  'true',
  'a b',
  'AAAA AAAA',
  '2020-02-03',
  '2020-02-03T04:05:06.7+08:09',
  '-1.5e+6',
  'urn:oid:1.2.3',
  'urn:uuid:00000000-0000-0000-0000-000000000000',
  '04:05:06.7',
  '10',
]
const LETTERS = ['A', 'a', '1', '0', ' ', '.', '-', '/', '=', 'e']
const PUMPED = [...LETTERS, ...LETTERS.flatMap((first) => LETTERS.map((second) => first + second)), 'AAAA  ', '.10 ']

/**
 * A linear pattern needs some milliseconds for all texts of one beginning. What needs longer has to show that it is linear
 * all the same, on a machine that is busy: eight times the length, which costs a quadratic one sixty-four times as much.
 */
const SUSPICIOUS_MS = 25
const TIME_MS = 1_500
const LENGTH = 15_000
const TEXTS = textsOf(LENGTH)
const LONG_TEXTS = textsOf(8 * LENGTH)

function textsOf(length: number): string[] {
  return PUMPED.map((pumped) => pumped.repeat(length / pumped.length) + '\u0000 !')
}

function patternsIn(schema: object): string[] {
  return Object.entries(schema).flatMap(([name, value]) => {
    if (name === 'pattern' && typeof value === 'string') return [value]
    return typeof value === 'object' && value !== null ? patternsIn(value as object) : []
  })
}

/** The beginning under which the pattern takes too long, if there is one. */
function slowBeginning(pattern: string): string | undefined {
  const format = new RegExp(pattern, 'u')
  const accepted = VALUES.filter((value) => format.test(value))
  const beginnings = new Set(accepted.flatMap((value) => [...value].map((_, length) => value.slice(0, length))))
  return ['', ...beginnings].find(
    (beginning) =>
      !endsWithin(SUSPICIOUS_MS, { format, beginning, texts: TEXTS }) &&
      !endsWithin(TIME_MS, { format, beginning, texts: LONG_TEXTS }),
  )
}

function endsWithin(timeout: number, given: { format: RegExp; beginning: string; texts: string[] }): boolean {
  try {
    runInNewContext('for (const text of texts) format.test(beginning + text)', given, { timeout })
    return true
  } catch {
    return false
  }
}

describe('the patterns of the schema', () => {
  it.each(patterns)('%s takes linear time', { timeout: 60_000 }, (pattern) => {
    expect(VALUES.some((value) => new RegExp(pattern, 'u').test(value))).toBe(true)
    expect(slowBeginning(pattern)).toBeUndefined()
  })

  it.each([String.raw`^(\s*([0-9a-zA-Z\+/=]){4}\s*)+$`, '^[0]|([1-9][0-9]*)$', '^(a|aa)+$', '([a-z])*=$'])(
    '%s would be found out',
    { timeout: 60_000 },
    (pattern) => {
      expect(slowBeginning(pattern)).toBeDefined()
    },
  )

  it.each(patterns)('%s needs no more stack than there is', (pattern) => {
    const format = boundedPatterns(pattern, 'u')
    for (const text of ['AAAA', 'a ', '.1'].map((part) => part.repeat(TEXT_LENGTH_MAX))) {
      for (const beginning of ['', 'urn:oid:1']) expect(() => format.test(beginning + text)).not.toThrow()
    }
  })
})
