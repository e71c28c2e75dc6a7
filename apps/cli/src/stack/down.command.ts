import type { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning, readRunningState, startingProcess, type DataDir, type StackState } from '@careseal/stack'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'

const DEADLINE_MS = 90_000

export function addDownCommand(program: Command): void {
  program
    .command('down')
    .description('stop the ledger on this machine; its data stays')
    .addHelpText('after', '\nExamples:\n  careseal down\n  careseal down --data-dir ./somewhere')
    .action(async (_options: unknown, command: Command) => {
      const { terminal, dataDir } = contextOf(command.optsWithGlobals<GlobalOptions>())
      const folder = dataDir()
      const state = readRunningState(folder)
      if (!state) {
        refuseWhileStarting(folder)
        return terminal.data('it is not running', { stopped: false, dataDir: folder.root })
      }
      terminal.note('stopping …')
      end(state.pid)
      await untilGone(state)
      terminal.data(`stopped; the data stays in ${state.dataDir}`, { stopped: true, dataDir: state.dataDir })
    })
}

// It writes down that it runs when all is started, and a recovery never does.
function refuseWhileStarting(folder: DataDir): void {
  const starting = startingProcess(folder)
  if (starting === null) return
  const what = `process ${starting} starts or mends the ledger in ${folder.root}`
  throw new CliError(EXIT.failure, `${what}: wait for it and repeat this, or end it (kill ${starting})`)
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function untilGone({ pid, processStart }: StackState): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (isRunning(pid, processStart)) {
    if (performance.now() > deadline) {
      throw new CliError(
        EXIT.failure,
        `process ${pid} did not end within ${DEADLINE_MS / 1000} s: kill -9 ${pid} ends it and all its services`,
      )
    }
    await delay(100)
  }
}
