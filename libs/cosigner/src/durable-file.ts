// Replaces a file so that after any crash it is the old one or the new one as a whole, and the new one once this
// returns. Known hole: a disk that lies about fsync.
import { durableStep } from '@careseal/durable-step'
import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Write, fsync, rename, fsync of the folder. The file is readable by its owner alone. */
export async function replaceDurably(path: string, content: string | Uint8Array): Promise<void> {
  const next = await writeBeside(path, content)
  try {
    await durableStep('signer.rename', () => rename(next, path))
  } catch (error) {
    await giveUp(next, error)
  }
  await syncFolder(dirname(path))
}

/** As replaceDurably, but a file that is already there stays and the call fails with EEXIST. */
export async function createDurably(path: string, content: string | Uint8Array): Promise<void> {
  const next = await writeBeside(path, content)
  try {
    await durableStep('signer.link', () => link(next, path))
  } finally {
    await rm(next, { force: true })
  }
  await syncFolder(dirname(path))
}

export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function writeBeside(path: string, content: string | Uint8Array): Promise<string> {
  const next = `${path}.${randomUUID()}.next`
  const file = await open(next, 'wx', 0o600)
  try {
    await durableStep('signer.write', () => writeAndSync(file, content))
  } catch (error) {
    await giveUp(next, error)
  } finally {
    await file.close()
  }
  return next
}

async function writeAndSync(file: FileHandle, content: string | Uint8Array): Promise<void> {
  await file.writeFile(content)
  await file.sync()
}

// A disk that is full must not be filled further by what could not be finished.
async function giveUp(next: string, error: unknown): Promise<never> {
  await rm(next, { force: true })
  throw error
}

/** Makes names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await durableStep('signer.sync-folder', () => handle.sync())
  } finally {
    await handle.close()
  }
}
