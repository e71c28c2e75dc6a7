// A child process that never outlives its parent: a guard, a few kilobytes of shell in a session of its own, holds a
// pipe from the parent and ends the child when the pipe closes, whatever killed the parent.
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'

export type ChildOptions = {
  cwd?: string
  env?: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  stdio?: StdioOptions
  /** What asks the child to end in order. */
  stopSignal?: NodeJS.Signals
  /** How long it may take for that before it is killed. */
  stopGraceMs?: number
  /** A folder that goes away with the child if the parent dies first. */
  temporaryDir?: string | undefined
}

/** A started process: `stop` asks and then insists, `kill` is kill -9; both resolve once the process is gone. */
export type Child = {
  readonly pid: number
  readonly process: ChildProcess
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  isRunning(): boolean
  stop(): Promise<void>
  kill(): Promise<void>
}

// $1 child, $2 signal, $3 seconds of grace, $4 folder to remove or nothing. `read` returns when the parent is gone. A
// dead child that nobody collects (process 1 of a container often does not) still answers kill -0: hence the state.
const GUARD = `
trap '' INT HUP
read -r word && exit 0
alive() {
  kill -0 "$1" 2>/dev/null || return 1
  [ -r "/proc/$1/stat" ] || return 0
  read -r _ _ state _ < "/proc/$1/stat" && [ "$state" != Z ]
}
kill -"$2" "$1" 2>/dev/null
left=$(($3 * 10))
while [ "$left" -gt 0 ] && alive "$1"; do left=$((left - 1)); sleep 0.1; done
kill -KILL "$1" 2>/dev/null
[ -z "$4" ] || rm -rf -- "$4"
`

/** Starts a process in a session of its own, so that a Ctrl-C reaches only the parent, which stops it in order. */
export async function startChild(command: string, args: string[], options: ChildOptions = {}): Promise<Child> {
  const { stopSignal = 'SIGTERM', stopGraceMs = 10_000, temporaryDir, ...spawnOptions } = options
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...spawnOptions, detached: true })
  const ended = endOf(child)
  await started(child, command)
  const guard = startGuard(child.pid as number, { stopSignal, stopGraceMs, temporaryDir })
  child.once('exit', () => guard?.stdin?.end('done\n'))
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const signal = async (name: NodeJS.Signals) => {
    if (isRunning()) child.kill(name)
    await ended
  }
  return {
    pid: child.pid as number,
    process: child,
    ended,
    isRunning,
    kill: () => signal('SIGKILL'),
    stop: async () => {
      const insist = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
      await signal(stopSignal)
      clearTimeout(insist)
    },
  }
}

function endOf(child: ChildProcess): Child['ended'] {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
}

function started(child: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`, { cause: error })))
  })
}

type GuardOptions = { stopSignal: NodeJS.Signals; stopGraceMs: number; temporaryDir: string | undefined }

function startGuard(pid: number, options: GuardOptions): ChildProcess | null {
  if (process.platform === 'win32') return null
  const graceSeconds = String(Math.ceil(options.stopGraceMs / 1000))
  const args = ['guard', String(pid), options.stopSignal.slice(3), graceSeconds, options.temporaryDir ?? '']
  const guard = spawn('/bin/sh', ['-c', GUARD, ...args], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  guard.on('error', () => {})
  guard.stdin?.on('error', () => {})
  guard.unref()
  return guard
}
