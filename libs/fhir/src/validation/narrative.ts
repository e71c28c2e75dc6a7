// Narrative as http://hl7.org/fhir/R4/narrative.html: basic XHTML formatting, nothing that runs, loads or submits.

const ELEMENTS = new Set(
  (
    'a abbr acronym address b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font ' +
    'h1 h2 h3 h4 h5 h6 hr i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td ' +
    'tfoot th thead tr tt u ul var'
  ).split(' '),
)

const TAG = /<\/?([A-Za-z][\w:.-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>/g
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** What is wrong with the XHTML of a narrative, or null. The text does not echo the narrative. */
export function narrativeFault(div: string): string | null {
  const bare = div.replaceAll(/<!--[\s\S]*?-->/g, '')
  if (!/^\s*(<\?xml[^>]*\?>\s*)?<div[\s>/]/.test(bare)) return 'The narrative must be one XHTML div.'
  for (const [, name = '', attributes = ''] of bare.matchAll(TAG)) {
    if (!ELEMENTS.has(name.toLowerCase())) return 'The narrative holds an element that is not basic formatting.'
    const fault = attributeFault(attributes)
    if (fault) return fault
  }
  // What is left after the tags has no place for another tag, declaration or processing instruction.
  const rest = bare.replace(/^\s*<\?xml[^>]*\?>/, '').replaceAll(TAG, '')
  return rest.includes('<') ? 'The narrative is not well-formed XHTML.' : null
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
