// JSON Schema of events, made from the zod schemas: what the catalogue shows and what is frozen in schemas/.
import { z } from 'zod'
import { latestVersion } from './event-versions.js'
import { EVENT_VERSIONS, type EventType } from './events.js'

export type Json = Record<string, unknown>

/** JSON Schema (draft 7) of an event's whole body; default of the newest version. */
export function eventBodyJsonSchema(type: EventType, version = latestVersion(EVENT_VERSIONS[type])): Json {
  const schema = EVENT_VERSIONS[type].schemas[version]
  if (schema === undefined) throw new RangeError(`${type} has no version ${version}`)
  return {
    type: 'object',
    title: `${type} v${version}`,
    additionalProperties: false,
    required: ['id', 'type', 'schemaVersion', 'time', 'data'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      type: { const: type },
      schemaVersion: { const: version },
      time: { type: 'string', format: 'date-time' },
      content: { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'hiding commitment to the private part' },
      data: jsonSchema(schema),
    },
  }
}

/** JSON Schema (draft 7) of a zod schema. */
export function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7' }) as Json
  return rest
}
