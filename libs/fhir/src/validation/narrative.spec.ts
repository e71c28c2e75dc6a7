import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { narrativeFault } from './narrative.js'

// Puts a mark in the place of what is well-formed, from the inside out: short, and quadratic on hostile narratives.
const [COMMENT_MARK, DIV_MARK, ELEMENT_MARK] = ['\uE000', '\uE001', '\uE002'] as const
const BLANK = '[ \\t\\r\\n]'
const VALUE = `(?:"[^"<\uE000-\uE002]*"|'[^'<\uE000-\uE002]*')`
const TAG = `<(div|p|a|br)(?:${BLANK}+(?!on)[\\w:.-]+${BLANK}*=${BLANK}*${VALUE})*${BLANK}*`
const ELEMENT = new RegExp(`${TAG}(?:/>|>(?:(?!]]>)[^<])*</\\1${BLANK}*>)`, 'g')
const ONE_DIV = new RegExp(`^(?:${BLANK}|${COMMENT_MARK})*${DIV_MARK}(?:${BLANK}|${COMMENT_MARK})*$`)

function naiveRefuses(narrative: string): boolean {
  if (narrative.includes('\f')) return true
  const root = narrative.replace(/^[ \t\r\n]*<\?xml[^<>?]*\?>/, '')
  let before = ''
  let left = root.replaceAll(/<!--(?!-?>)(?:(?!--)[^])*-->/g, COMMENT_MARK)
  while (left !== before) {
    before = left
    left = left.replaceAll(ELEMENT, (_, name) => (name === 'div' ? DIV_MARK : ELEMENT_MARK))
  }
  return !ONE_DIV.test(left)
}

const wholes = [
  ']]>',
  '<p>',
  '</p>',
  '<p class="a">',
  '<br/>',
  '<div>',
  '</div>',
  '<!-- a -->',
  ' ',
  'a',
  '<a name=">">',
  '</a>',
]
const parts = ['<div', '<p ', '<x', '<!--', '-->', '->', '--', '<?xml ?>', '<?', '<', '</', '>', '/', '/>']
const inTags = ['"', "'", '=', ' ', '\n', '\f', 'onload', ' title', '="', "='", '-', ':', 'a', '<', '<!--', '-->']

function textOf(pieces: string[], maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength, size: 'max' }).map((some) => some.join(''))
}

describe('a narrative', () => {
  it('is judged as by the naive reading', () => {
    const any = textOf([...wholes, ...parts, ...inTags], 14)
    const whole = textOf(wholes, 6).map((text) => `<div>${text}</div>`)
    const inside = any.map((text) => `<div>${text}</div>`)
    const tag = textOf(inTags, 12).map((text) => `<div><p ${text}></p></div>`)
    fc.assert(
      fc.property(fc.oneof(any, whole, inside, tag), (text) => {
        expect(narrativeFault(text) !== null).toBe(naiveRefuses(text))
      }),
      { numRuns: 6000 },
    )
  })

  it.each([
    [
      'a script after the beginning of a comment in a value',
      `<p title="<!--"><script>a()</script><p title="-->"></p></p>`,
    ],
    ['a script after what ends a comment in HTML alone', '<!--><script>a()</script>-->'],
    ['a script after the other end of a comment in HTML', '<!-- --!><script>a()</script>-->'],
    ['a handler without quotes', '<p onclick=a()></p>'],
    ['a handler right after a value', `<p title=""onclick="a()"></p>`],
    ['a handler after a slash', `<p/onclick="a()"></p>`],
    ['a handler after a form feed', `<p\fonclick="a()"></p>`],
    ['a script in a section of character data', '<![CDATA[<script>a()</script>]]>'],
    ['a link with a long reference to a character', '<a href="&#x0000006a;avascript:a()">a</a>'],
    ['a link with a named reference', '<a href="java&Tab;script&colon;a()">a</a>'],
    ['a page as a link', '<a href="data&colon;application/xhtml+xml,a">a</a>'],
    ['a style with a named reference', '<p style="width: expression&lpar;a())"></p>'],
    ['a character that XML has not', '\u0000'],
    ['the end of what is around it', '</div></div><div>'],
    ['an element without end', '<table><tr><td>'],
  ])('must not hold %s', (_case, text) => {
    expect(narrativeFault(`<div>${text}</div>`)).toEqual(expect.any(String))
  })

  it.each([
    '<?xml version="1.0" encoding="UTF-8"?>\n<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b</div>',
    '<!-- a --><div>a<!-- <p> -->b</div>\n',
    `<div title='"' lang = "de"><p title=">">a > b</p ><br /><img src="data:image/png;base64,AA==" alt=""/></div>`,
    '<div><a href="#a">a</a><a href="https://example.org/a?b=c&amp;d=e">b</a></div>',
  ])('may be %s', (text) => {
    expect(narrativeFault(text)).toBeNull()
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
