import { unpackFromNewerSuite } from '@careseal/stack'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** The path of a program of a Debian package of the same name: of PATH, else unpacked once into this user's cache. */
export async function debianProgram(name: string): Promise<string> {
  const into = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'careseal', name)
  const file = `usr/bin/${name}`
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  const found = [...onPath, join(into, file)].find((path) => existsSync(path))
  return found ?? unpackFromNewerSuite({ package: name, file, into })
}
