// From a fresh clone to built code, with built-ins only: dependencies when the lock file changed, then a build by Nx.
// Works on Node 20 and newer; everything it starts runs on the Node 24 of node_modules.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export const ROOT = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')
/** Where Nx keeps what it built, and the record of its last run. */
export const NX_CACHE = join(ROOT, '.nx', 'cache')

/** The environment in which `node` and every tool are the repository's own. */
export function environment() {
  return {
    ...process.env,
    PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}`,
    NX_DAEMON: 'false',
    NX_CACHE_DIRECTORY: NX_CACHE,
    FORCE_COLOR: '0',
  }
}

/** The Node of the repository, or this one where there is none for the platform. */
export function repositoryNode() {
  const own = join(BIN, 'node')
  return existsSync(own) ? own : process.execPath
}

/** Installs and builds what is missing; says each step by `note`. Throws an error with the mend. */
export function bootstrap(note) {
  requireVersion()
  if (!isInstalled()) install(note)
  requireRunnable()
  linkCommand()
  build(note)
}

function requireVersion() {
  const [major] = process.versions.node.split('.').map(Number)
  if (major < 20)
    throw new Error(`Node 20 or newer is needed to begin, this is ${process.version}: install a newer one`)
}

// The packages of Node are for Linux; elsewhere this Node runs everything.
function requireRunnable() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (repositoryNode() !== process.execPath || major > 24 || (major === 24 && minor >= 11)) return
  throw new Error(
    `Node 24.11 or newer is needed, this is ${process.version}: install it, or on Linux install with optional packages`,
  )
}

// npm writes down what it installed in the form of the lock file; what is optional may be for another platform.
function isInstalled() {
  const installed = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'))
  if (!installed) return false
  const locked = Object.entries(packagesOf(join(ROOT, 'package-lock.json')))
  return locked.every(([path, wanted]) => {
    if (!path.startsWith('node_modules/')) return true
    // A workspace that has come since is not linked yet.
    if (wanted.link) return existsSync(join(ROOT, path))
    const found = installed[path]
    return found ? found.version === wanted.version : Boolean(wanted.optional)
  })
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null
}

function install(note) {
  note('Install dependencies (npm ci, a minute or two the first time)')
  const result = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (result.status !== 0) {
    throw new Error(`npm ci failed: is the network there, and is the disk not full?\n${tail(result)}`)
  }
}

// npm links a workspace's command only if its file was there when it installed.
function linkCommand() {
  const link = join(BIN, 'careseal')
  if (existsSync(link)) return
  symlinkSync(join('..', '..', 'apps', 'cli', 'bin', 'careseal.mjs'), link)
}

function build(note) {
  note('Build (cached: only what changed)')
  const nx = join(ROOT, 'node_modules', 'nx', 'dist', 'bin', 'nx.js')
  const result = run(repositoryNode(), [nx, 'run-many', '-t', 'build', '--outputStyle=static'])
  if (result.status !== 0) throw new Error(`the build failed:\n${tail(result)}`)
}

function run(command, args) {
  return spawnSync(command, args, { cwd: ROOT, env: environment(), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
}

function tail({ stdout, stderr, error }) {
  const text = error ? error.message : `${stdout ?? ''}\n${stderr ?? ''}`.trim()
  return text.split('\n').slice(-30).join('\n')
}
