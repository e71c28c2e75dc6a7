import type { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { isSupervisorRunning, readRunningState } from '@careseal/stack'
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
      const state = readRunningState(dataDir())
      if (!state) return terminal.data('it is not running', { stopped: false, dataDir: dataDir().root })
      process.kill(state.pid, 'SIGTERM')
      await untilGone(state.pid)
      terminal.data(`stopped; the data stays in ${state.dataDir}`, { stopped: true, dataDir: state.dataDir })
    })
}

async function untilGone(pid: number): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (isSupervisorRunning(pid)) {
    if (performance.now() > deadline) {
      throw new CliError(
        EXIT.failure,
        `process ${pid} did not end within ${DEADLINE_MS / 1000} s: kill -9 ${pid} ends it and all its services`,
      )
    }
    await delay(100)
  }
}
