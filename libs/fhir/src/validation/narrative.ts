// Narrative as http://hl7.org/fhir/R4/narrative.html: basic XHTML formatting, nothing that runs, loads or submits.

import { TEXT_LENGTH_MAX } from './patterns.js'

const ELEMENTS = new Set(
  (
    'a abbr acronym address b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font ' +
    'h1 h2 h3 h4 h5 h6 hr i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td ' +
    'tfoot th thead tr tt u ul var'
  ).split(' '),
)

// The lookbehind keeps a long name from being tried again at each of its letters.
const ATTRIBUTE = /(?<![\w:.-])([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const PROLOG = /^\s*<\?xml[^<>]*\?>/
const ROOT = /\s*<div[\s>/]/y
const TAG_NAME = /<\/?([A-Za-z][\w:.-]*)/y
const BETWEEN_QUOTES = /[^<>"']*/y

const MALFORMED = 'The narrative is not well-formed XHTML.'

/** What is wrong with the XHTML of a narrative, or null. The text does not echo the narrative. Takes linear time. */
export function narrativeFault(div: string): string | null {
  if (div.length > TEXT_LENGTH_MAX) return 'The narrative is longer than 1 MB.'
  const bare = withoutComments(div)
  if (bare === undefined) return MALFORMED
  const start = PROLOG.exec(bare)?.[0].length ?? 0
  if (endOf(ROOT, bare, start) === undefined) return 'The narrative must be one XHTML div.'
  for (let at = bare.indexOf('<', start); at !== -1; at = bare.indexOf('<', at)) {
    const tag = tagAt(bare, at)
    // Declarations, processing instructions and what else begins with `<` and is no tag have no place here.
    if (!tag) return MALFORMED
    if (!ELEMENTS.has(tag.name.toLowerCase())) return 'The narrative holds an element that is not basic formatting.'
    const fault = attributeFault(tag.attributes)
    if (fault) return fault
    at = tag.end
  }
  return null
}

/** Undefined when a comment has no end. */
function withoutComments(div: string): string | undefined {
  const parts: string[] = []
  let at = 0
  for (let open = div.indexOf('<!--'); open !== -1; open = div.indexOf('<!--', at)) {
    const close = div.indexOf('-->', open + 4)
    if (close === -1) return undefined
    parts.push(div.slice(at, open))
    at = close + 3
  }
  return parts.join('') + div.slice(at)
}

/** The tag that begins at `at`; it ends at the first `>` outside quotes. */
function tagAt(text: string, at: number): { name: string; attributes: string; end: number } | undefined {
  TAG_NAME.lastIndex = at
  const name = TAG_NAME.exec(text)?.[1]
  if (name === undefined) return undefined
  const start = TAG_NAME.lastIndex
  let end = endOf(BETWEEN_QUOTES, text, start)!
  for (let quote = text[end]; quote === '"' || quote === "'"; quote = text[end]) {
    const close = text.indexOf(quote, end + 1)
    if (close === -1) return undefined
    end = endOf(BETWEEN_QUOTES, text, close + 1)!
  }
  return text[end] === '>' ? { name, attributes: text.slice(start, end), end: end + 1 } : undefined
}

function endOf(sticky: RegExp, text: string, at: number): number | undefined {
  sticky.lastIndex = at
  return sticky.test(text) ? sticky.lastIndex : undefined
}

function attributeFault(attributes: string): string | null {
  for (const [, name = '', double, single] of attributes.matchAll(ATTRIBUTE)) {
    if (/^on/i.test(name)) return 'The narrative holds an event handler.'
    const value = decoded(double ?? single ?? '')
    if (/^(href|src|xlink:href|action|background)$/i.test(name) && /^(javascript|vbscript|data:text)/i.test(value)) {
      return 'The narrative links to a script.'
    }
    if (/^style$/i.test(name) && /expression\(|javascript:|@import|behavior:/i.test(value)) {
      return 'The narrative holds a style that runs code.'
    }
  }
  return null
}

function decoded(value: string): string {
  const characters = value
    .replaceAll(/&#x([0-9a-f]{1,6});?/gi, (_, digits: string) => codePoint(Number.parseInt(digits, 16)))
    .replaceAll(/&#(\d{1,7});?/g, (_, digits: string) => codePoint(Number.parseInt(digits, 10)))
    .replaceAll(/&(tab|newline);/gi, '')
  // Browsers ignore control characters and blanks in a scheme, so they are taken out before it is judged.
  // oxlint-disable-next-line no-control-regex
  return characters.replaceAll(/[\u0000-\u0020]/g, '')
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : ''
}
