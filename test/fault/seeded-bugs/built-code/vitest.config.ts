// Runs specs of a copy of the repository against its built code: where a spec imports a source file, it gets the file
// that was built from it. Specs and fixtures alone are taken from the source.
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { defineConfig, type Plugin } from 'vitest/config'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const SOURCE = /^((?:apps|libs)\/[^/]+)\/src\/(.+)\.ts$/
const TEST_ONLY = /\.(spec|fixture)\.ts$/

function builtFileOf(id: string): string {
  const path = relative(ROOT, id)
  const [, project, file] = SOURCE.exec(path) ?? []
  if (!project || !file || TEST_ONLY.test(path)) return id
  const built = join(ROOT, project, 'dist', `${file}.js`)
  if (!existsSync(built)) throw new Error(`${path} is not built: run npm run build`)
  return built
}

const builtCode: Plugin = {
  name: 'careseal:built-code',
  enforce: 'pre',
  async resolveId(source, importer, options) {
    const found = await this.resolve(source, importer, { ...options, skipSelf: true })
    return found && !found.external ? builtFileOf(found.id) : found
  },
}

export default defineConfig({
  root: ROOT,
  plugins: [builtCode],
  test: {
    include: ['{apps,libs}/*/{src,test}/**/*.spec.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
})
