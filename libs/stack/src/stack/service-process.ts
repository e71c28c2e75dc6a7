// One service of the repository as a child process: built code, its own environment, its log in a file.
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChild, type Child } from '../parts/child.js'
import type { ServiceName } from './services.js'

const LOG_BYTES_MAX = 20 * 1024 * 1024
/** sysexits: the configuration is wrong, so starting again would not help. */
export const EXIT_CONFIG = 78

export type ServiceProcessOptions = {
  service: ServiceName | 'witness'
  /** File below the app's `dist`, such as `main.js`. */
  script: string
  args?: string[]
  env: Record<string, string>
  logFile: string
  /** A command that runs what is put after it, such as one that enters a network namespace. */
  launcher?: readonly string[]
  /** The folder with the services' programs; default the `apps` of the repository. */
  programs?: string | undefined
}

/** The folder of the repository: where `nx.json` is. */
export function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'nx.json'))) {
    if (dir === dirname(dir)) throw new Error('the services are started from a clone of the repository')
    dir = dirname(dir)
  }
  return dir
}

/** The path of a script below an app's `dist`. Throws an error with the mend if it has not been built. */
export function builtScript(app: string, script: string, programs = join(repositoryRoot(), 'apps')): string {
  const path = join(programs, app, 'dist', script)
  if (existsSync(path)) return path
  throw new Error(`${app} is not built (no ${script} in ${dirname(path)}): run npm run build`)
}

/** Starts one script of a service. Throws an error with the mend if it has not been built. */
export function startServiceProcess(options: ServiceProcessOptions): Promise<Child> {
  const script = builtScript(options.service, options.script, options.programs)
  const log = openLog(options.logFile)
  const whole = [...(options.launcher ?? []), process.execPath, '--enable-source-maps', script, ...(options.args ?? [])]
  const [command, ...args] = whole as [string, ...string[]]
  const started = startChild(command, args, {
    cwd: options.programs ?? repositoryRoot(),
    env: { ...compiledBeside(options.programs), ...options.env },
    stdio: ['ignore', log, log],
    stopGraceMs: 30_000,
  })
  return started.finally(() => closeSync(log))
}

// Where packed programs lie, what Node compiled of them is kept too: they load in two thirds of the time.
function compiledBeside(programs: string | undefined): Record<string, string> {
  return programs === undefined ? {} : { NODE_COMPILE_CACHE: join(programs, '.compiled') }
}

/** Runs a script of a service to its end. Throws an error with the end of its log if it fails. */
export async function runServiceScript(options: ServiceProcessOptions): Promise<void> {
  const child = await startServiceProcess(options)
  const { code, signal } = await child.ended
  if (code === 0) return
  const how = signal ?? `exit ${code}`
  throw new Error(`${options.service} ${options.script} failed (${how}):\n${lastLines(options.logFile)}`)
}

export type Readiness = {
  name: string
  deadlineMs: number
  /** Why it will never be ready; null while it may. */
  hasFailed: () => Promise<string | null>
  /** Nobody waits any longer: the wait is rejected. */
  signal?: AbortSignal | undefined
}

/** Resolves once `GET url` answers 2xx. Throws when `hasFailed` gives a reason, or after the deadline. */
export async function untilReady(url: string, { name, deadlineMs, hasFailed, signal }: Readiness): Promise<void> {
  const deadline = performance.now() + deadlineMs
  let last = 'no answer'
  while (performance.now() < deadline) {
    signal?.throwIfAborted()
    const failure = await hasFailed()
    if (failure) throw new Error(`${name} did not start: ${failure}`)
    last = await readiness(url)
    if (last === 'ready') return
    await delay(50)
  }
  throw new Error(`${name} was not ready after ${Math.round(deadlineMs / 1000)} s: ${last}`)
}

async function readiness(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    const text = await response.text()
    return response.ok ? 'ready' : `${response.status} ${text.slice(0, 500)}`
  } catch (error) {
    return `no answer (${(error as Error).message})`
  }
}

/** The end of a log file, for an error message. */
export function lastLines(file: string, bytes = 2_000): string {
  if (!existsSync(file)) return ''
  const size = statSync(file).size
  const handle = openSync(file, 'r')
  const buffer = Buffer.alloc(Math.min(bytes, size))
  readSync(handle, buffer, 0, buffer.length, size - buffer.length)
  closeSync(handle)
  return buffer.toString('utf8')
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) renameSync(file, `${file}.1`)
  return openSync(file, 'a', 0o600)
}
