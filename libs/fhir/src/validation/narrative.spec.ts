import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { narrativeFault } from './narrative.js'

// How narratives were read at first: short, and quadratic on hostile ones.
const TAG = /<\/?([A-Za-z][\w:.-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const BASIC = /^(div|p|a|br)$/i

function naiveRefuses(div: string): boolean {
  const bare = div.replaceAll(/<!--[\s\S]*?-->/g, '')
  if (!/^\s*(<\?xml[^<>]*\?>\s*)?<div[\s>/]/.test(bare)) return true
  const rest = bare.replace(/^\s*<\?xml[^<>]*\?>/, '')
  return rest.replaceAll(TAG, '').includes('<') || [...rest.matchAll(TAG)].some(naiveTagRefuses)
}

function naiveTagRefuses([, name = '', attributes = '']: RegExpMatchArray): boolean {
  const handlers = [...attributes.matchAll(ATTRIBUTE)].filter(([, attribute = '']) => /^on/i.test(attribute))
  return !BASIC.test(name) || handlers.length > 0
}

const parts = ['<div>', '<div', '</div>', '<p ', '<br/>', '<x', '<!--', '-->', '<?xml ?>', '<?', '<', '>', '/']
const inTags = ['"', "'", '=', ' ', '\n', 'onload', 'title', '="', "='", '-', ':', 'a', 'p']

describe('a narrative', () => {
  it('is judged as by the naive reading', () => {
    const piece = fc.constantFrom(...parts, ...inTags)
    const div = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''))
    const tag = fc.array(fc.constantFrom(...inTags), { maxLength: 12 }).map((pieces) => `<div><p ${pieces.join('')}>`)
    fc.assert(
      fc.property(
        fc.oneof(
          div,
          div.map((text) => `<div>${text}`),
          tag,
        ),
        (text) => {
          expect(narrativeFault(text) !== null).toBe(naiveRefuses(text))
        },
      ),
      { numRuns: 3000 },
    )
  })

  const LENGTH = 400_000
  const long = (part: string) => part.repeat(LENGTH / part.length)

  it.each([
    ['comments without end', `<div>${long('<!--')}`],
    ['a name of a tag without end', `<div><${long('a')}`],
    ['a name without value', `<div ${long('a')}></div>`],
    ['names without values', `<div ${long('a = ')}></div>`],
    ['quotes without end', `<div ${long(`a='"`)}`],
    ['tags in quotes', `<div>${long(`<a "<a'`)}`],
    ['blanks', `<div a${long(' ')}></div>`],
    ['blanks at the beginning', long(' ')],
    ['a prolog without end', `<?xml${long('?')}`],
    ['tags', `<div>${long('<p>')}</div>`],
  ])('is judged in linear time, whatever there is of %s', (_case, div) => {
    expect([null, expect.any(String)]).toContainEqual(narrativeFault(div))
  })

  it('is no longer than a string may be', () => {
    expect(narrativeFault(`<div>${'a'.repeat(1024 * 1024)}</div>`)).toMatch(/longer/)
    expect(narrativeFault(`<div>${'a'.repeat(1_000_000)}</div>`)).toBeNull()
  })
})
