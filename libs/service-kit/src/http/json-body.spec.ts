import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFault, parseJsonBody } from './json-body.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const limits = { depthMax: 20 }

describe('a JSON body', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__') && !text.includes('constructor'))
        expect(parseJsonBody(bytes(text), limits)).toEqual(JSON.parse(text))
      }),
    )
  })

  it.each([
    ['', 'body-missing'],
    ['{"a":', 'json-broken'],
    ['[['.repeat(20), 'json-too-deep'],
    ['{"__proto__":{}}', 'json-poisoned'],
    [String.raw`[null,{"\u005f_proto__":1}]`, 'json-poisoned'],
    ['{"constructor":{"prototype":{}}}', 'json-poisoned'],
    [String.raw`{"a":[{"\u0063onstructor":{"prototype":{}}}]}`, 'json-poisoned'],
    [String.raw`{"__pr\u006Fto__":{}}`, 'json-poisoned'],
    ['{"a":1,"a":1}', 'json-duplicate-member'],
    [String.raw`[{"b":{"a":":","\u0061":[]}}]`, 'json-duplicate-member'],
  ])('%j is refused with %s', (text, code) => {
    expect(() => parseJsonBody(bytes(text), limits)).toThrow(expect.objectContaining({ status: 400, code }))
  })

  it('may speak of constructors', () => {
    const text = '{"text":"__proto__","constructor":"x","list":[null,{"constructor":{"name":"y"}}]}'
    expect(parseJsonBody(bytes(text), limits)).toEqual(JSON.parse(text))
  })

  it('that spells a poisoned name in any mix of escapes is refused', () => {
    const name = fc.tuple(...[...'__proto__'].map((letter) => fc.constantFrom(letter, escapeOf(letter))))
    fc.assert(
      fc.property(name, (letters) => {
        const body = bytes(`{"${letters.join('')}":1}`)
        expect(() => parseJsonBody(body, limits)).toThrow(expect.objectContaining({ code: 'json-poisoned' }))
      }),
    )
  })

  it('must be UTF-8', () => {
    const body = Uint8Array.of(0x22, 0xff, 0x22)
    expect(() => parseJsonBody(body, limits)).toThrow(expect.objectContaining({ code: 'json-not-utf8' }))
  })

  it('may nest as deep as allowed and hold brackets in strings', () => {
    const text = `${'['.repeat(19)}{"a":"[[[{{{\\"[["}${']'.repeat(19)}`
    expect(parseJsonBody(bytes(text), limits)).toEqual(JSON.parse(text))
  })

  it('tells where it broke and quotes nothing of it', () => {
    const text = '{\n  "name": "canary-value",\n  "given": canary\n}'
    expect(() => parseJsonBody(bytes(text), limits)).toThrow('line 3, column 12: a value is expected')
    expect(() => parseJsonBody(bytes(text), limits)).not.toThrow('canary')
  })
})

describe('the place of a JSON fault', () => {
  it.each([
    ['{"a" 1}', 1, 6, 'a colon is expected'],
    ['{"a":1,}', 1, 8, 'a member name in double quotes is expected'],
    ['[1 2]', 1, 4, 'a comma or ] is expected'],
    ['[1,\n\n01]', 3, 1, 'a value is expected'],
    ['{}x', 1, 3, 'nothing more is expected'],
    ['["a\tb"]', 1, 2, 'the string that begins here has no end, a control character or a wrong escape'],
    ['[1', 1, 3, 'the text ends too early'],
  ])('of %j is line %i, column %i', (text, line, column, expected) => {
    expect(jsonFault(text)).toEqual({ line, column, expected })
  })

  it('is found in every text that JSON.parse refuses, and in none that it accepts', () => {
    const mutated = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 3 }), fc.nat({ max: 2 }))
    fc.assert(
      fc.property(mutated, ([text, at, inserted, removed]) => {
        const place = at % (text.length + 1)
        const broken = text.slice(0, place) + inserted + text.slice(place + removed)
        expect(jsonFault(broken).expected === 'unknown').toBe(isJson(broken))
      }),
      { numRuns: 2000 },
    )
  })
})

function escapeOf(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
