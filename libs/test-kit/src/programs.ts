// The services that a stack runs, each in a few files with all that it imports: that loads three times faster than what
// the compiler leaves. They are packed with the package; in a clone they are packed anew whenever its code was built.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { madeOnce } from './made-once.js'

const run = promisify(execFile)
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A folder with `<service>/dist/main.js`; the fingerprint changes whenever its code does. */
export type Programs = { dir: string; fingerprint: string }

/** Those of the package, or of the clone that this file lies in. */
export async function findPrograms(log: (line: string) => void): Promise<Programs> {
  const bundler = here('../../../deploy/images/bundle.mjs')
  if (!existsSync(bundler)) return { dir: here('../services'), fingerprint: fingerprintOf([here('../services')]) }
  const fingerprint = fingerprintOf([here('../../../apps'), here('../../../libs')])
  const dir = await madeOnce(`services-${fingerprint}`, async (work) => {
    log('packing the services of this clone, once for each build')
    await run(process.execPath, [bundler, work])
  })
  return { dir, fingerprint }
}

function fingerprintOf(roots: readonly string[]): string {
  const files = roots.flatMap((root) => readdirSync(root).flatMap((project) => codeIn(join(root, project, 'dist'))))
  const stamps = files.map((file) => {
    const { size, mtimeMs } = statSync(file)
    return [file, size, mtimeMs]
  })
  return createHash('sha256').update(JSON.stringify(stamps)).digest('hex').slice(0, 16)
}

function codeIn(dir: string): string[] {
  if (!existsSync(dir)) return []
  const names = readdirSync(dir, { recursive: true }) as string[]
  return names
    .filter((name) => name.endsWith('.js') && !name.endsWith('.spec.js'))
    .toSorted()
    .map((name) => join(dir, name))
}
