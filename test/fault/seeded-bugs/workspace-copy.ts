// A copy of the repository into which bugs can be put: apps, libs and tests are copied, dependencies are linked, and the
// workspace's own packages lead to the copy. What is patched is never what others run.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patchedFiles } from './patch.js'
import type { SeededBug } from './seeded-bug.js'

const COPIED = ['apps', 'libs', 'test', 'nx.json', 'package.json', 'tsconfig.base.json', 'tsconfig.json']
const LEFT_OUT = /\.(d\.ts|map|tsbuildinfo)$|\/(node_modules|tmp)$/
const SCOPE = '@careseal'

export class WorkspaceCopy {
  readonly folder: string

  constructor(root: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'careseal-seeded-'))
    for (const name of COPIED) {
      cpSync(join(root, name), join(this.folder, name), { recursive: true, filter: (path) => !LEFT_OUT.test(path) })
    }
    process.once('exit', this.remove)
    linkDependencies(root, this.folder)
  }

  /** Runs `work` with a bug in the copy, and takes it out again. Throws PatchDoesNotFit. */
  async withBug<T>(bug: SeededBug, work: () => Promise<T>): Promise<T> {
    const read = (file: string) => readFileSync(join(this.folder, file), 'utf8')
    const patched = patchedFiles(bug, read)
    const kept = [...patched.keys()].map((file) => [file, read(file)] as const)
    try {
      for (const [file, text] of patched) writeFileSync(join(this.folder, file), text)
      return await work()
    } finally {
      for (const [file, text] of kept) writeFileSync(join(this.folder, file), text)
    }
  }

  readonly remove = (): void => {
    process.off('exit', this.remove)
    // A test that is being ended may still write there.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
  }
}

function linkDependencies(root: string, folder: string): void {
  const [from, to] = [join(root, 'node_modules'), join(folder, 'node_modules')]
  mkdirSync(join(to, SCOPE), { recursive: true })
  const names = readdirSync(from).filter((name) => name !== SCOPE && !name.startsWith('.'))
  for (const name of [...names, '.bin']) symlinkSync(join(from, name), join(to, name))
  for (const kind of ['apps', 'libs']) {
    for (const name of readdirSync(join(folder, kind))) symlinkSync(join(folder, kind, name), join(to, SCOPE, name))
  }
}
