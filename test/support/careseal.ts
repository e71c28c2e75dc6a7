// The command line as a user has it: a process with arguments, two streams and an exit code.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname, '..', '..')
export const SHARED = join(REPOSITORY, '..', 'shared')
export const SYNTHEA = join(SHARED, 'data', 'dev', 'synthea-r4-transactions')

/** A start takes a minute; it takes many where others keep the machine busy. */
export const UP_DEADLINE_MS = 600_000

const CLI = join(REPOSITORY, 'apps', 'cli', 'bin', 'careseal.mjs')

/** What a verifier keeps for itself is kept apart from what the person has who runs the tests. */
const OWN_FOLDERS = {
  XDG_CONFIG_HOME: join(REPOSITORY, 'tmp', 'config'),
  XDG_STATE_HOME: join(REPOSITORY, 'tmp', 'state'),
}

export type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs `careseal …` to its end. Ended by force after `timeoutMs`, and then its code is null. */
export function careseal(args: readonly string[], options: { timeoutMs?: number; env?: object } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, NO_COLOR: '1', ...OWN_FOLDERS, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 240_000)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
    })
  })
}

/** As {@link careseal}, but throws what it said unless it ends with 0. */
export async function caresealOk(args: readonly string[], options: { timeoutMs?: number } = {}): Promise<string> {
  const { code, stdout, stderr } = await careseal(args, options)
  if (code !== 0) throw new Error(`careseal ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`)
  return stdout
}

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'careseal-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export type Detached = {
  origin: string
  dataDir: string
  pid: number
  logins: { name: string; role: string }[]
  nats: string
  postgres: string
}

/** A ledger of its own, on a port of its own, with a few synthetic patients: `careseal up --detach --json`. */
export async function upDetached(args: readonly string[] = []): Promise<Detached & { down: () => Promise<void> }> {
  const folder = temporaryFolder()
  const stdout = await caresealOk(['up', '--detach', '--json', '--port', '0', '--data-dir', folder.path, ...args], {
    timeoutMs: UP_DEADLINE_MS,
  })
  const state = JSON.parse(stdout) as Detached
  const down = async () => {
    await careseal(['down', '--data-dir', folder.path])
    folder.remove()
  }
  return { ...state, down }
}

/** A bearer token of a demo login. */
export async function tokenOf(dataDir: string, login: string): Promise<string> {
  return (await caresealOk(['token', '--as', login, '--data-dir', dataDir])).trim()
}
