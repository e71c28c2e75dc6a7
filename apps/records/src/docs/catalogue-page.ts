// The catalogue of events as one static page: no script, nothing from another origin. Made from the AsyncAPI document.
import {
  asyncApi,
  EVENT_TYPES,
  producerOf,
  PRODUCERS,
  sampleEvent,
  subjectOf,
  type EventType,
} from '@careseal/contracts'

type Schema = {
  type?: string
  const?: unknown
  enum?: string[]
  format?: string
  items?: Schema
  required?: string[]
  properties?: Record<string, Schema>
}
type Messages = Record<EventType, { title: string; payload: { properties: { data: Schema } } }>

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a2b33; }
a { color: #0b5a86; }
code, pre { background: #eef3f5; border-radius: 3px; }
code { padding: .1em .3em; }
pre { padding: .8em; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25em .75em .25em 0; border-bottom: 1px solid #c8d4da; vertical-align: top; }
section { border-top: 2px solid #c8d4da; margin-top: 2.5rem; }
@media (prefers-color-scheme: dark) {
  body { background: #10181c; color: #e0e8ec; }
  code, pre { background: #22303a; }
  a { color: #7cc4e8; }
  th, td, section { border-color: #3a4a54; }
}`

const INTRODUCTION = `<p>One fact, one JetStream message: CloudEvents 1.0 in binary mode. Bodies hold ids, times and codes of our
own vocabulary, never health data. A published schema is frozen; a change is a new version.</p>
<p>As a file: <a href="/docs/events/asyncapi.json">AsyncAPI 3.1</a>. The HTTP routes: <a href="/docs">/docs</a>.</p>`

/** The page at `/docs/events`. */
export function cataloguePage(): string {
  const { messages } = asyncApi('1.0.0')['components'] as { messages: Messages }
  const sections = EVENT_TYPES.map((type) => sectionOf(type, messages[type]))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Careseal: events</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Events</h1>
${INTRODUCTION}
<nav aria-label="Events by producer">${PRODUCERS.map(listOf).join('')}</nav>
${sections.join('\n')}
</main>
</body>
</html>
`
}

function listOf(producer: string): string {
  const types = EVENT_TYPES.filter((type) => producerOf(type) === producer)
  const links = types.map((type) => `<a href="#${type}">${type}</a>`)
  return `<p><strong>${producer}</strong>: ${links.join(', ')}</p>`
}

function sectionOf(type: EventType, { title, payload }: Messages[EventType]): string {
  const { properties = {}, required = [] } = payload.properties.data
  const rows = Object.entries(properties).map(([name, schema]) => rowOf(name, schema, required.includes(name)))
  return `<section id="${type}">
<h2>${escaped(title)}</h2>
<p>Subject <code>${escaped(subjectOf(type))}</code>, stream <code>EVENTS</code></p>
<table>
<caption>Members of <code>data</code></caption>
<thead><tr><th scope="col">member</th><th scope="col">what</th><th scope="col">always there</th></tr></thead>
<tbody>${rows.join('')}</tbody>
</table>
<details><summary>A sample</summary><pre tabindex="0">${escaped(JSON.stringify(sampleEvent(type), null, 2))}</pre></details>
</section>`
}

function rowOf(name: string, schema: Schema, isRequired: boolean): string {
  const what = escaped(describe(schema))
  return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${what}</td><td>${isRequired ? 'yes' : 'no'}</td></tr>`
}

function describe(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ')
  if (schema.items !== undefined) return `list of: ${describe(schema.items)}`
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties).map(([name, member]) => `${name}: ${describe(member)}`)
    return `{ ${members.join('; ')} }`
  }
  return schema.format ?? schema.type ?? 'anything'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
