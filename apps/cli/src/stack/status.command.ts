import type { Command } from 'commander'
import { readLastState, readRunningState, SERVICE_NAMES, type StackState } from '@careseal/stack'
import { contextOf, type GlobalOptions } from '../context.js'
import { EXIT } from '../exit.js'
import { table } from '../terminal/box.js'
import { sizeOf } from '../verify/verify-ledger.js'

type Readiness = { ready: boolean; detail: string }

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('is the ledger on this machine running, and is each service ready; exit 4 if it is not')
    .addHelpText('after', '\nExamples:\n  careseal status\n  careseal status --json')
    .action(async (_options: unknown, command: Command) => {
      const { terminal, dataDir } = contextOf(command.optsWithGlobals<GlobalOptions>())
      const folder = dataDir()
      const state = readRunningState(folder)
      if (!state) {
        const last = readLastState(folder)
        const detail = last
          ? 'its supervisor ended without stopping it in order; npm start goes on'
          : 'npm start starts it'
        terminal.data(`not running on ${folder.root}: ${detail}`, { running: false, dataDir: folder.root })
        process.exitCode = EXIT.unreachable
        return
      }
      await tell(terminal, state)
    })
}

async function tell(terminal: ReturnType<typeof contextOf>['terminal'], state: StackState): Promise<void> {
  const { green, red, dim } = terminal.colors
  const services = await Promise.all(
    SERVICE_NAMES.map(async (name) => [name, await readiness(state.services[name].url)] as const),
  )
  const signed = await fetch(`${state.origin}/ledger/checkpoint`, { signal: AbortSignal.timeout(3_000) })
    .then((response) => (response.ok ? response.text() : null))
    .then((note) => (note === null ? null : sizeOf(note)))
    .catch(() => null)
  const rows = services.map(([name, { ready, detail }]) => [ready ? green('●') : red('●'), name, dim(detail)])
  const head = [`${state.origin} (process ${state.pid}, since ${state.startedAt})`, `data in ${state.dataDir}`]
  const json = {
    running: true,
    origin: state.origin,
    dataDir: state.dataDir,
    pid: state.pid,
    entriesSigned: signed,
    services: Object.fromEntries(services),
  }
  terminal.data([...head, ...table(rows), `${signed ?? 'no'} entries signed`].join('\n'), json)
  if (services.some(([, { ready }]) => !ready)) process.exitCode = EXIT.unreachable
}

async function readiness(url: string): Promise<Readiness> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) })
    const body = (await response.json().catch(() => ({}))) as { checks?: Record<string, string> }
    const checks = Object.entries(body.checks ?? {}).map(([name, state]) => `${name} ${state}`)
    return { ready: response.ok, detail: checks.join(', ') }
  } catch (error) {
    return { ready: false, detail: (error as Error).message }
  }
}
