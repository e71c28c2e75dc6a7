// A start in the background: the same start as in front of a person, in a process of its own whose log is shown until
// all is ready. Then one JSON object, and this process ends.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lastLines, readRunningState } from '@careseal/stack'
import { usableDataDir, type Context } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { readReady, readyBox, removeReady, type Ready } from './ready.js'
import type { UpOptions } from './up.command.js'

export async function startDetached(context: Context, options: UpOptions): Promise<void> {
  const { terminal } = context
  const dataDir = usableDataDir(context.dataDirPath)
  const running = readRunningState(dataDir)
  if (running) {
    throw new CliError(
      EXIT.failure,
      `it runs already, at ${running.origin} (process ${running.pid}): careseal down stops it`,
    )
  }
  removeReady(dataDir)
  mkdirSync(dataDir.path('logs'), { recursive: true, mode: 0o700 })
  const logFile = dataDir.path('logs', 'supervisor.log')
  const child = launch(context, options, logFile)
  const ready = await untilReady(child, { logFile, read: () => readReady(dataDir), note: terminal.note })
  child.unref()
  terminal.data(readyBox(terminal.colors, ready), ready)
}

function launch(context: Context, options: UpOptions, logFile: string): ChildProcess {
  const log = openSync(logFile, 'w', 0o600)
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const args = ['up', '--data-dir', context.dataDirPath]
  if (options.port !== undefined) args.push('--port', String(options.port))
  if (!options.demo) args.push('--no-demo')
  if (options.data !== undefined) args.push('--data', options.data)
  const child = spawn(process.execPath, [main, ...args], { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  return child
}

type Watch = { logFile: string; read: () => Ready | null; note: (line: string) => void }

async function untilReady(child: ChildProcess, { logFile, read, note }: Watch): Promise<Ready> {
  let hasEnded = false
  child.once('exit', () => (hasEnded = true))
  const show = follow(logFile, note)
  for (;;) {
    show()
    const ready = read()
    if (ready && ready.pid === child.pid) return ready
    if (hasEnded) {
      throw new CliError(EXIT.failure, `it did not start; the log ${logFile} ends with\n${lastLines(logFile)}`)
    }
    await delay(100)
  }
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
