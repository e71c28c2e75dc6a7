// Where a consumer is: how far it has come with each producer. It outlives the broker and all of its data.
import type { Position } from '@careseal/event-envelope'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Keeps a consumer's position. A service with a database does better to store it with what the events change. */
export type PositionStore = {
  /** The last position, or null at the first start. */
  load(): Promise<Position | null>
  save(position: Position): Promise<void>
}

/** Keeps the position in a file of its own; a crash leaves the former or the new one. */
export function positionFile(path: string): PositionStore {
  return {
    load: async () => {
      try {
        return JSON.parse(await readFile(path, 'utf8')) as Position
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    save: async (position) => {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(`${path}.new`, 'w', 0o600)
      await file.writeFile(JSON.stringify(position))
      await file.sync().finally(() => file.close())
      await rename(`${path}.new`, path)
    },
  }
}
