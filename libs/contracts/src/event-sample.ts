// A made-up event of each type with every member that its schema knows. The same input gives the same event for ever:
// the golden samples of published versions are made of this.
import { eventBodyJsonSchema } from './event-json-schema.js'
import { latestVersion } from './event-versions.js'
import { EVENT_VERSIONS, type EventBody, type EventType } from './events.js'

type Schema = {
  type?: string
  const?: unknown
  enum?: unknown[]
  format?: string
  pattern?: string
  items?: Schema
  minimum?: number
  exclusiveMinimum?: number
  properties?: Record<string, Schema>
}

/** An event body with all members filled in, for tests and the catalogue. It names nobody. */
export function sampleEvent<T extends EventType>(type: T, version = latestVersion(EVENT_VERSIONS[type])): EventBody<T> {
  let ids = 0
  const nextId = () => `00000000-0000-4000-8000-${(++ids).toString().padStart(12, '0')}`
  return sample(eventBodyJsonSchema(type, version), nextId) as EventBody<T>
}

function sample(schema: Schema, nextId: () => string): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.type === 'object') return sampleObject(schema.properties ?? {}, nextId)
  if (schema.type === 'array') return [sample(schema.items ?? {}, nextId)]
  if (schema.type === 'integer') return Math.max(1, schema.minimum ?? 1)
  if (schema.type === 'boolean') return true
  return sampleText(schema, nextId)
}

function sampleObject(properties: Record<string, Schema>, nextId: () => string): object {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, sample(schema, nextId)]))
}

function sampleText({ format, pattern }: Schema, nextId: () => string): string {
  if (format === 'uuid') return nextId()
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  return pattern?.includes('{64}') ? 'a'.repeat(64) : 'Observation'
}
