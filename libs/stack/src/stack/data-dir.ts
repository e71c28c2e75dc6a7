// One folder holds all that a stack must find again: databases, keys, passwords, the signer's state, logs. Secrets are
// made once, readable by their owner alone, and written so that a crash leaves either the old file or the new one.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { writeDurably } from './durable-file.js'

/** Where things lie below the data folder. */
export type DataDir = {
  readonly root: string
  readonly isTemporary: boolean
  path(...segments: string[]): string
  /** The content of a text file, made by `create` and kept 0600 if it is not there yet. */
  secret(name: string, create: () => string): string
  /** The path of such a file, for a service that reads it itself. */
  secretFile(name: string, create: () => string): string
  readJson<T>(name: string): T | null
  writeJson(name: string, value: unknown): void
  remove(name: string): void
}

/** Opens a data folder, making it (0700) if need be. */
export function openDataDir(root: string, { isTemporary = false } = {}): DataDir {
  const dir = resolve(root)
  // Postgres runs as nobody when root starts it and must be able to walk in: secrets are closed one by one instead.
  makeFolder(dir, process.getuid?.() === 0 ? 0o711 : 0o700)
  mkdirSync(join(dir, 'secrets'), { recursive: true, mode: 0o700 })
  const path = (...segments: string[]) => join(dir, ...segments)
  const secretFile = (name: string, create: () => string) => {
    const file = path('secrets', name)
    if (!existsSync(file)) writeDurably(file, create())
    return file
  }
  return {
    root: dir,
    isTemporary,
    path,
    secretFile,
    secret: (name, create) => readFileSync(secretFile(name, create), 'utf8').trim(),
    readJson: <T>(name: string) => readJson(path(name)) as T | null,
    writeJson: (name, value) => writeDurably(path(name), `${JSON.stringify(value, null, 2)}\n`),
    remove: (name) => rmSync(path(name), { force: true }),
  }
}

// Node's recursive mkdir never returns where the kernel answers ENOENT below a folder that exists, as /proc does.
function makeFolder(dir: string, mode: number): void {
  if (!existsSync(dir)) mkdirSync(dir, { recursive: !existsSync(dirname(dir)), mode })
}

/** A secret of 32 random bytes as hex. */
export function randomHex(bytes = 32): string {
  return randomBytes(bytes).toString('hex')
}

function readJson(file: string): unknown {
  if (!existsSync(file)) return null
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file} is not JSON: restore it, or start with another --data-dir`, { cause: error })
  }
}
