// One process at a time in a folder: two that swap one memory could sign two trees. The operating system holds the lock
// and takes it back when the process ends, however it ends; so nothing stale is ever left, and no clock is asked.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process holds the folder, or it cannot be locked there. */
export class FolderTaken extends Error {
  readonly code = 'folder-taken'
  override readonly name = 'FolderTaken'
}

export type FolderLock = { release: () => void }

// SQLite's file lock, for Node has none of its own: see the documentation of SQLite, "File Locking And Concurrency".
const TAKE = 'PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE'

/** Takes the folder, which exists, or throws FolderTaken. */
export function lockFolder(folder: string): FolderLock {
  const database = new DatabaseSync(join(folder, 'lock'))
  try {
    database.exec(TAKE)
  } catch (cause) {
    database.close()
    throw new FolderTaken(`another process is at work in ${folder}: end it first`, { cause })
  }
  return { release: () => database.close() }
}
