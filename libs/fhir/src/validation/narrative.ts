// Narrative as http://hl7.org/fhir/R4/narrative.html: basic XHTML formatting, nothing that runs, loads or submits.

import { TEXT_LENGTH_MAX } from './patterns.js'

const ELEMENTS = new Set(
  (
    'a abbr acronym address b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font ' +
    'h1 h2 h3 h4 h5 h6 hr i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td ' +
    'tfoot th thead tr tt u ul var'
  ).split(' '),
)

const BLANKS = /^[ \t\r\n]*$/
const PROLOG = /[ \t\r\n]*(?:<\?xml[^<>?]*\?>)?/y
const TAG_NAME = /<(\/?)([A-Za-z][\w:.-]*)/y
const ATTRIBUTE = /[ \t\r\n]+([\w:.-]+)[ \t\r\n]*=[ \t\r\n]*(?:"([^"<]*)"|'([^'<]*)')/y
const TAG_END = /[ \t\r\n]*(\/?)>/y
// oxlint-disable-next-line no-control-regex
const NO_CHARACTER = /[\u0000-\u0008\v\f\u000e-\u001f\ufffe\uffff]/

const MALFORMED = 'The narrative is not well-formed XHTML.'
const NOT_ONE_DIV = 'The narrative must be one XHTML div.'

type Attribute = { name: string; value: string }
type Tag = { kind: 'start' | 'end' | 'empty'; name: string; attributes: Attribute[]; end: number }
type Text = { kind: 'text' }

/**
 * What is wrong with the XHTML of a narrative, or null. The text does not echo the narrative. Takes linear time.
 * A narrative may stand in a page of XML or of HTML, so what the two would read differently is refused as malformed;
 * references to characters alone are judged in attributes only.
 */
export function narrativeFault(div: string): string | null {
  if (div.length > TEXT_LENGTH_MAX) return 'The narrative is longer than 1 MB.'
  return NO_CHARACTER.test(div) ? MALFORMED : faultOf(partsOf(div))
}

function faultOf(parts: Iterable<Tag | Text | undefined>): string | null {
  const open: string[] = []
  let roots = 0
  for (const part of parts) {
    if (!part) return MALFORMED
    if (part.kind === 'text') {
      if (open.length === 0) return NOT_ONE_DIV
    } else if (part.kind === 'end') {
      if (open.pop() !== part.name) return MALFORMED
    } else {
      if (open.length === 0 && (part.name !== 'div' || ++roots > 1)) return NOT_ONE_DIV
      const fault = elementFault(part)
      if (fault !== null) return fault
      if (part.kind === 'start') open.push(part.name)
    }
  }
  if (roots === 0) return NOT_ONE_DIV
  return open.length === 0 ? null : MALFORMED
}

/** Tags and the text between them, without comments and blanks. Undefined, which ends it, stands for what is neither. */
function* partsOf(div: string): Generator<Tag | Text | undefined, void> {
  for (let at = matchAt(PROLOG, div, 0)![0].length; at < div.length;) {
    const next = div.indexOf('<', at)
    const end = next === -1 ? div.length : next
    const text = div.slice(at, end)
    if (text.includes(']]>')) return yield undefined
    if (!BLANKS.test(text)) yield { kind: 'text' }
    if (next === -1) return
    if (div.startsWith('<!--', next)) {
      const close = endOfComment(div, next)
      if (close === undefined) return yield undefined
      at = close
    } else {
      // Declarations, processing instructions and what else begins with `<` and is no tag have no place here.
      const tag = tagAt(div, next)
      yield tag
      if (!tag) return
      at = tag.end
    }
  }
}

/** HTML ends a comment at `>` or `->` right after its beginning, and at `--!>`, where XML goes on or has an error. */
function endOfComment(div: string, at: number): number | undefined {
  const inside = at + '<!--'.length
  if (div.startsWith('>', inside) || div.startsWith('->', inside)) return undefined
  const close = div.indexOf('--', inside)
  return close !== -1 && div[close + 2] === '>' ? close + 3 : undefined
}

function tagAt(div: string, at: number): Tag | undefined {
  const begin = matchAt(TAG_NAME, div, at)
  if (!begin) return undefined
  const attributes: Attribute[] = []
  let end = at + begin[0].length
  for (let found = matchAt(ATTRIBUTE, div, end); found; found = matchAt(ATTRIBUTE, div, end)) {
    attributes.push({ name: found[1]!, value: found[2] ?? found[3]! })
    end += found[0].length
  }
  const close = matchAt(TAG_END, div, end)
  const isEnd = begin[1] === '/'
  const isEmpty = close?.[1] === '/'
  if (!close || (isEnd && (isEmpty || attributes.length > 0))) return undefined
  const kind = isEnd ? 'end' : isEmpty ? 'empty' : 'start'
  return { kind, name: begin[2]!, attributes, end: end + close[0].length }
}

function matchAt(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at
  return sticky.exec(text)
}

function elementFault(tag: Tag): string | null {
  if (!ELEMENTS.has(tag.name.toLowerCase())) return 'The narrative holds an element that is not basic formatting.'
  for (const attribute of tag.attributes) {
    const fault = attributeFault(attribute)
    if (fault !== null) return fault
  }
  return null
}

function attributeFault({ name, value }: Attribute): string | null {
  if (/^on/i.test(name)) return 'The narrative holds an event handler.'
  const text = decoded(value)
  if (
    /^(href|src|xlink:href|action|background)$/i.test(name) &&
    /^(javascript|vbscript|data:(?!image\/))/i.test(text)
  ) {
    return 'The narrative links to a script.'
  }
  if (/^style$/i.test(name) && /expression\(|javascript:|@import|behavior:/i.test(text)) {
    return 'The narrative holds a style that runs code.'
  }
  return null
}

function decoded(value: string): string {
  const characters = value
    .replaceAll(/&#x([0-9a-f]+);?/gi, (_, digits: string) => codePoint(Number.parseInt(digits, 16)))
    .replaceAll(/&#(\d+);?/g, (_, digits: string) => codePoint(Number.parseInt(digits, 10)))
    .replaceAll(/&(tab|newline);/gi, '')
    .replaceAll(/&colon;/gi, ':')
    .replaceAll(/&lpar;/gi, '(')
    .replaceAll(/&commat;/gi, '@')
  // Browsers ignore control characters and blanks in a scheme, so they are taken out before it is judged.
  // oxlint-disable-next-line no-control-regex
  return characters.replaceAll(/[\u0000-\u0020]/g, '')
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : ''
}
