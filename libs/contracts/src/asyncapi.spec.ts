import { Parser } from '@asyncapi/parser'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { asyncApi, EVENT_TYPES, subjectOf } from './index.js'

type Document = { channels: Record<string, { address: string }>; components: { messages: Record<string, object> } }

describe('the event catalogue', () => {
  const document = asyncApi('1.0.0') as unknown as Document

  it('holds a channel and a message for every event', () => {
    for (const type of EVENT_TYPES) {
      expect(document.channels[type]?.address).toBe(subjectOf(type))
      expect(document.components.messages[type]).toMatchObject({ payload: { title: `${type} v1` } })
    }
  })

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      (match) => match[1] as string,
    )
    const resolve = (path: string) =>
      path.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    expect(references.length).toBeGreaterThan(EVENT_TYPES.length)
    expect(references.filter((path) => resolve(path) === undefined)).toEqual([])
  })

  it('is AsyncAPI 3.1 without a diagnostic, by the parser of its makers', async () => {
    const parsed = await new Parser().parse(JSON.stringify(document))
    expect(parsed.diagnostics).toEqual([])
    expect(parsed.document?.version()).toBe('3.1.0')
  }, 60_000)

  it('is fresh in docs/generated (npm run docs makes it anew)', () => {
    const file = new URL('../../../docs/generated/asyncapi.json', import.meta.url)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(document)
  })
})
