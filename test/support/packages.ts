// What a stranger gets of this repository: packed packages in a folder of their own, third-party ones as they declare.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Manifest = {
  private?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const REPOSITORY = join(import.meta.dirname, '..', '..')

export function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(REPOSITORY, 'libs', name, 'package.json'), 'utf8')) as Manifest
}

/** The libraries of this repository that a library depends on, itself included. */
export function closureOf(name: string, found = new Set<string>()): Set<string> {
  found.add(name)
  for (const dependency of Object.keys(manifestOf(name).dependencies ?? {})) {
    const own = dependency.replace('@careseal/', '')
    if (own !== dependency && !found.has(own)) closureOf(own, found)
  }
  return found
}

/** An empty project elsewhere, into which packages are installed. */
export class StrangersFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'careseal-packages-'))
  private readonly modules = join(this.path, 'node_modules')

  constructor() {
    writeFileSync(join(this.path, 'package.json'), '{"type":"module"}')
  }

  /** Packs libraries as for the registry, and unpacks them here. */
  install(names: Iterable<string>): void {
    const folders = [...names].map((name) => `./libs/${name}`)
    // Scripts run whatever the settings: they make what a package holds besides its code.
    const options = ['--json', '--ignore-scripts=false', '--foreground-scripts=false', '--pack-destination', this.path]
    const packed = execFileSync('npm', ['pack', ...options, ...folders], { cwd: REPOSITORY, stdio: 'pipe' })
    for (const { filename } of Object.values(JSON.parse(packed.toString())) as { filename: string }[]) {
      this.unpack(filename.replace('@careseal/', 'careseal-'))
    }
    for (const name of names) {
      const { dependencies = {}, peerDependencies = {} } = manifestOf(name)
      for (const third of Object.keys({ ...dependencies, ...peerDependencies })) this.link(third)
    }
  }

  private unpack(tarball: string): void {
    const name = /^careseal-(.*)-\d+\.\d+\.\d+\.tgz$/.exec(tarball)?.[1] ?? tarball
    const target = join(this.modules, '@careseal', name)
    mkdirSync(target, { recursive: true })
    execFileSync('tar', ['-xzf', join(this.path, tarball), '--strip-components=1', '-C', target])
    rmSync(join(this.path, tarball))
  }

  /** A third-party package as this repository has it. */
  link(third: string): void {
    if (third.startsWith('@careseal/')) return
    mkdirSync(dirname(join(this.modules, third)), { recursive: true })
    try {
      symlinkSync(join(REPOSITORY, 'node_modules', third), join(this.modules, third))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
