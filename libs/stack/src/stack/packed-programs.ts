// The services of a clone, each in a few files with all that it imports, as their images hold them: they load three times
// faster than what the compiler leaves. They are packed anew whenever the code was built.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { madeOnce } from './made-once.js'
import { repositoryRoot } from './service-process.js'

const run = promisify(execFile)

/** Stands for the repository's own programs, packed once for each build. */
export const PACKED = Symbol('packed')

/** A folder with `<service>/dist/main.js`; the fingerprint changes whenever its code does. */
export type Programs = { dir: string; fingerprint: string }

/** Packs the services of this clone, which has been built; `onPacking` is told where that has not been done before. */
export async function packedPrograms(onPacking: () => void = () => {}): Promise<Programs> {
  const root = repositoryRoot()
  const bundler = join(root, 'deploy', 'images', 'bundle.mjs')
  const fingerprint = fingerprintOf([join(root, 'apps'), join(root, 'libs')], bundler)
  const dir = await madeOnce(`services-${fingerprint}`, async (work) => {
    onPacking()
    await run(process.execPath, [bundler, work])
  })
  return { dir, fingerprint }
}

/** The folder that is meant; none where it is the `apps` of the repository. */
export async function folderOf(programs: string | typeof PACKED | undefined): Promise<string | undefined> {
  return programs === PACKED ? (await packedPrograms()).dir : programs
}

/** Of the code below `<root>/<project>/dist`, and of `more`, by names, sizes and times. */
export function fingerprintOf(roots: readonly string[], ...more: readonly string[]): string {
  const files = roots.flatMap((root) => readdirSync(root).flatMap((project) => codeIn(join(root, project, 'dist'))))
  const stamps = [...files, ...more].map((file) => {
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
