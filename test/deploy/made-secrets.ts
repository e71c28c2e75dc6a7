// A folder that make-secrets.mjs filled, for specs of what uses it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from './rendered.js'

export type MadeSecrets = {
  folder: string
  read(path: string): string
  variables(path: string): Record<string, string>
}

/** Runs make-secrets.mjs into a folder of its own. Throws with its words on stderr if it refuses. */
export function makeSecrets(folder = mkdtempSync(join(tmpdir(), 'careseal-secrets-'))): MadeSecrets {
  const program = join(REPOSITORY, 'deploy', 'compose', 'make-secrets.mjs')
  execFileSync(process.execPath, [program, '--into', folder], { stdio: 'pipe' })
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  return { folder, read, variables: (path) => variablesIn(read(path)) }
}

export function removeSecrets({ folder }: MadeSecrets): void {
  rmSync(folder, { recursive: true, force: true })
}

function variablesIn(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}
