// A command as its user has it: a process in a group of its own, or on a terminal, with what it has told so far.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '@careseal/testing'

const CLI = join(import.meta.dirname, '..', 'bin', 'careseal.mjs')
const TERMINAL = '/usr/bin/script'

export const hasTerminal = existsSync(TERMINAL)

export type Ended = { code: number | null; stdout: string; stderr: string }
type Options = { env?: object | undefined; node?: string[] }

/** Runs `careseal …`; `node` are arguments of Node itself. */
export function startCareseal(args: readonly string[], { env, node = [] }: Options = {}) {
  return started(process.execPath, [...node, CLI, ...args], env)
}

/** Runs a line of shell on a terminal, whose stdin takes keys and whose stdout is the screen. */
export function startOnTerminal(line: (careseal: string) => string, { env }: Options = {}) {
  return started(TERMINAL, ['-qefc', line(`${process.execPath} ${CLI}`), '/dev/null'], {
    TERM: 'xterm',
    NO_COLOR: '',
    ...env,
  })
}

function started(command: string, args: string[], env: object = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const told = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (told.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (told.stderr += chunk.toString()))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...told })))
  return { child, told, ended }
}

/** Every process that has the data folder among its arguments, the dead that nobody collects left out. */
export function processesOn(dataDir: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      const [line, environment] = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
      return Number(pid) !== process.pid && (line?.includes(dataDir) || environment?.includes(`${dataDir}/`))
    } catch {
      return false
    }
  })
}

/** Throws unless nothing runs on the folder any more, soon. */
export async function untilNothingRunsOn(dataDir: string): Promise<void> {
  await eventually(
    () => {
      const left = processesOn(dataDir)
      if (left.length > 0) throw new Error(`still running: ${left.join(', ')}`)
    },
    { withinMs: 40_000 },
  )
}
