import { z } from 'zod'
import { HttpProblem } from '@careseal/service-kit'
import type { Cursor } from './access-log.query.js'

const Place = z.tuple([z.iso.datetime(), z.uuid()])

/** An opaque cursor: the last line that was shown. It opens nothing, since each page asks anew who may see it. */
export function encodeCursor({ occurredAt, entryId }: Cursor): string {
  return Buffer.from(JSON.stringify([occurredAt.toISOString(), entryId])).toString('base64url')
}

/** Throws HttpProblem 400 for a cursor that is not one of ours. */
export function decodeCursor(text: string): Cursor {
  const parsed = Place.safeParse(jsonOrNull(Buffer.from(text, 'base64url').toString()))
  if (!parsed.success) throw new HttpProblem(400, 'invalid-cursor', 'The cursor is not one of ours.')
  const [occurredAt, entryId] = parsed.data
  return { occurredAt: new Date(occurredAt), entryId }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
