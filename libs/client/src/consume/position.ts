// Where a consumer is: how far it has come with each producer. It outlives the broker and all of its data.
import type { Position } from '@careseal/event-envelope'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PositionUnreadable } from '../failures.js'

/** Keeps a consumer's position. A service with a database does better to store it with what the events change. */
export type PositionStore = {
  /** The last position, or null at the first start. */
  load(): Promise<Position | null>
  save(position: Position): Promise<void>
}

/**
 * Keeps the position in a file of its own; a crash leaves the former or the new one. `load` rejects with
 * PositionUnreadable when somebody else has left something else there.
 */
export function positionFile(path: string): PositionStore {
  return {
    load: async () => {
      try {
        return positionIn(await readFile(path, 'utf8'), path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    save: async (position) => {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(`${path}.new`, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(position))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
    },
  }
}

function positionIn(text: string, path: string): Position {
  const position = jsonOf(text)
  if (!isPosition(position)) throw new PositionUnreadable(path)
  return position
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Whether each producer has its number and link. */
export function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value as Record<string, { seq?: unknown; link?: unknown } | null>).every(
    (place) => Number.isSafeInteger(place?.seq) && typeof place?.link === 'string',
  )
}
