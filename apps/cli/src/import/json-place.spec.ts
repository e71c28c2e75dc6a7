import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { jsonFaultOf } from './json-place.js'

const parses = (text: string) => {
  try {
    return JSON.parse(text) !== undefined
  } catch {
    return false
  }
}

describe('the place where a text stops being JSON', () => {
  it.each([
    ['', 'it ends too early'],
    ['{', 'it ends too early'],
    ['{"a": tru', 'it ends too early'],
    ['{"a": "canary', 'it ends too early'],
    ['{"a":\n 1, b}', 'at line 2, column 5'],
    ['{"a": canary}', 'at line 1, column 7'],
    ['<!doctype html>', 'at line 1, column 1'],
    ['NaN', 'at line 1, column 1'],
    ['[1,\n2,\n]', 'at line 3, column 1'],
    ['{"a": truly}', 'at line 1, column 10'],
    ['{"a": "b"} c', 'at line 1, column 12'],
    ['{"a": "b\u0007"}', 'at line 1, column 9'],
  ])('of %j is told: %s', (text, fault) => {
    expect(jsonFaultOf(text)).toBe(fault)
  })

  it('is none that the text itself names', () => {
    expect(jsonFaultOf('[x at position 9')).toBe('at line 1, column 2')
    expect(jsonFaultOf('[x in JSON at position 9 (line 1 column 10)')).toBe('at line 1, column 2')
  })

  // What a stray character is put into stops being JSON right there, for it may stand nowhere outside of a string.
  it('is that of a stray character, wherever it stands', () => {
    const json = fc.json().map((text) => text.replaceAll(/"[^"]*"/g, '""'))
    fc.assert(
      fc.property(json, fc.nat(), (text, at) => {
        const place = at % (text.length + 1)
        const broken = `${text.slice(0, place)}\u0001${text.slice(place)}`
        fc.pre(parses(text))
        expect(jsonFaultOf(broken)).toBe(`at line 1, column ${place + 1}`)
      }),
    )
  })
})
