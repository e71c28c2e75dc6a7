// A file is there whole or not at all, also after a power cut.
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Replaces a file of an existing folder in one step. `mode` is what a secret needs unless told otherwise. */
export function writeDurably(file: string, content: string | Uint8Array, { mode = 0o600 } = {}): void {
  const temporary = `${file}.${process.pid}.tmp`
  const handle = openSync(temporary, 'w', mode)
  try {
    writeFileSync(handle, content)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  // If we crash before the rename, the old content stands; after it, the new one does.
  renameSync(temporary, file)
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
