import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatEvent, formatPlace, parsePlace } from './feed-place.js'

const integer = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

describe('a place in the feed', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.oneof(integer, fc.constant(-1)), integer, (height, size) => {
        expect(parsePlace(formatPlace({ height, size }))).toEqual({ height, size })
      }),
    )
  })

  it.each([
    '',
    '1',
    '1/',
    '/1',
    '01/2',
    '1/02',
    '-2/0',
    '1/-1',
    '1/2/3',
    ' 1/2',
    '1/2\n',
    '1e3/2',
    '9007199254740992/1',
  ])('is not %j', (id) => {
    expect(parsePlace(id)).toBeNull()
  })
})

describe('an event', () => {
  it('is one event of the stream, whatever its data holds', () => {
    fc.assert(
      fc.property(fc.string(), (note) => {
        const lines = formatEvent('checkpoint', { note }, { height: 3, size: 9 }).split('\n')
        expect(lines.slice(0, 2)).toEqual(['event: checkpoint', 'id: 3/9'])
        expect(JSON.parse(lines[2]!.slice('data: '.length))).toEqual({ note })
        expect(lines.slice(3)).toEqual(['', ''])
      }),
    )
  })
})
