// A published schema is frozen. `node tools/docs.mjs` writes the files of new versions and never changes one.
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  eventBodyJsonSchema,
  EVENT_TYPES,
  EVENT_VERSIONS,
  latestVersion,
  parseEventBody,
  versionNumbers,
} from './index.js'

const FOLDER = new URL('../schemas/', import.meta.url)
const files = readdirSync(FOLDER)
const contentOf = (file: string) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as object
const published = EVENT_TYPES.flatMap((type) =>
  versionNumbers(EVENT_VERSIONS[type]).map((version) => ({ type, version, name: `${type}.v${version}` })),
)

describe('published event schemas', () => {
  it('are all there, and none was withdrawn (node tools/docs.mjs writes the files of a new version)', () => {
    const expected = published.flatMap(({ name }) => [`${name}.sample.json`, `${name}.schema.json`])
    expect(files.toSorted()).toEqual(expected.toSorted())
  })

  it.each(published)('$name is what was published: a change needs a new version', ({ type, version, name }) => {
    expect(eventBodyJsonSchema(type, version)).toEqual(contentOf(`${name}.schema.json`))
  })

  it.each(published)('the golden sample of $name fits its schema, and is read as the newest version', (event) => {
    const validate = formats.default(new Ajv({ strict: false })).compile(contentOf(`${event.name}.schema.json`))
    const sample = contentOf(`${event.name}.sample.json`)
    expect([validate(sample), validate.errors]).toEqual([true, null])
    const read = parseEventBody(new TextEncoder().encode(JSON.stringify(sample)))
    expect(read).toMatchObject({ type: event.type, schemaVersion: latestVersion(EVENT_VERSIONS[event.type]) })
  })
})
