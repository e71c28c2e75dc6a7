// A start in the background: the same start as in front of a person, in a process of its own whose log is shown until
// all is ready. Then one JSON object, and this process ends.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lastLines, readRunningState, type DataDir } from '@careseal/stack'
import { usableDataDir, type Context } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { reportImport } from '../import/report.js'
import type { Terminal } from '../terminal/terminal.js'
import { listenForSignals } from './interruption.js'
import { readReady, readyBox, removeReady, type Ready } from './ready.js'
import { sampleSources, type Sample } from './sample-data.js'
import type { UpOptions } from './up.command.js'

const DETACHED = 'CARESEAL_DETACHED'

/** Whether this process is such a start, and not in front of anybody. */
export const isDetached = () => process.env[DETACHED] === '1'

export async function startDetached(context: Context, options: UpOptions): Promise<void> {
  const { terminal } = context
  const sample = sampleSources(options.data)
  const dataDir = usableDataDir(context.dataDirPath)
  refuseSecond(dataDir)
  removeReady(dataDir)
  mkdirSync(dataDir.path('logs'), { recursive: true, mode: 0o700 })
  const logFile = dataDir.path('logs', 'supervisor.log')
  const { signal } = listenForSignals()
  const child = launch(context, options, logFile)
  const ready = await untilReady(child, { logFile, signal, read: () => readReady(dataDir), note: terminal.note })
  child.unref()
  reportRefused(terminal, ready, sample)
  terminal.data(readyBox(terminal.colors, ready), ready)
}

function refuseSecond(dataDir: DataDir): void {
  const running = readRunningState(dataDir)
  if (running === null) return
  throw new CliError(
    EXIT.failure,
    `it runs already, at ${running.origin} (process ${running.pid}): careseal down stops it`,
  )
}

function launch(context: Context, options: UpOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, 'w', 0o600)
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const args = ['up', '--data-dir', context.dataDirPath]
  if (options.port !== undefined) args.push('--port', String(options.port))
  if (!options.demo) args.push('--no-demo')
  if (options.data !== undefined) args.push('--data', options.data)
  const env = { ...process.env, [DETACHED]: '1' }
  const child = spawn(process.execPath, [main, ...args], { detached: true, stdio: ['ignore', log, log], env })
  closeSync(log)
  return child
}

type Watch = { logFile: string; signal: AbortSignal; read: () => Ready | null; note: (line: string) => void }

async function untilReady(child: ChildProcess, { logFile, signal, read, note }: Watch): Promise<Ready> {
  const show = follow(logFile, note)
  for (;;) {
    show()
    const ready = read()
    if (ready && ready.pid === child.pid) return ready
    if (signal.aborted) return giveUp(child, note)
    if (hasEnded(child)) {
      throw new CliError(EXIT.failure, `it did not start; the log ${logFile} ends with\n${lastLines(logFile)}`)
    }
    await delay(100)
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

// It has a session of its own, so that no Ctrl-C reaches it.
async function giveUp(child: ChildProcess, note: (line: string) => void): Promise<never> {
  note('stopping …; Ctrl-C again does not wait for it')
  child.kill('SIGTERM')
  if (!hasEnded(child)) await once(child, 'exit')
  note('stopped before it was ready; nothing is left running')
  process.exit(EXIT.interrupted)
}

// The names come from the folder: a file or a log of the ledger holds none.
function reportRefused(terminal: Terminal, { refused }: Ready, { sources }: Sample): void {
  if (refused.length === 0) return
  const refusals = refused.map((one) => ({ ...one, name: sources[one.number - 1]?.name ?? '' }))
  reportImport(terminal, { fileCount: sources.length, refusals })
  process.exitCode = EXIT.failure
}

// Shows the steps that the background start reports, and nothing of the box at its end.
function follow(file: string, note: (line: string) => void): () => void {
  let offset = 0
  let rest = ''
  return () => {
    const size = statSync(file).size
    if (size <= offset) return
    const handle = openSync(file, 'r')
    const buffer = Buffer.alloc(size - offset)
    offset += readSync(handle, buffer, 0, buffer.length, offset)
    closeSync(handle)
    const lines = (rest + buffer.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (/^[✓…]/.test(line)) note(line)
  }
}
