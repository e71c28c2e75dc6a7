import type { Command } from 'commander'
import { readLastState, readRunningState, SERVICE_NAMES, type StackState } from '@careseal/stack'
import { contextOf, type GlobalOptions } from '../context.js'
import { EXIT } from '../exit.js'
import { table } from '../terminal/box.js'
import { cosignedText, publicationOf } from '../terminal/cosigned.js'

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
  const witnesses = await Promise.all(
    (state.witnesses ?? []).map(async ({ name, url }) => [name, await reachable(url)] as const),
  )
  const publication = await publicationOf(state.origin)
  const rows = [...services, ...witnesses].map(([name, { ready, detail }]) => [
    ready ? green('●') : red('●'),
    name,
    dim(detail),
  ])
  const head = [`${state.origin} (process ${state.pid}, since ${state.startedAt})`, `data in ${state.dataDir}`]
  const json = {
    running: true,
    origin: state.origin,
    dataDir: state.dataDir,
    pid: state.pid,
    entriesSigned: publication?.publishedSize || null,
    cosignedBy: publication?.cosignedBy ?? [],
    publishedAt: publication?.publishedAt ?? null,
    services: Object.fromEntries(services),
    witnesses: Object.fromEntries(witnesses),
  }
  const told = publication ? cosignedText(publication, Date.now()) : 'no entries signed'
  terminal.data([...head, ...table(rows), told].join('\n'), json)
  if (services.some(([, { ready }]) => !ready)) process.exitCode = EXIT.unreachable
}

/** Any answer over HTTP shows that a witness is there. */
async function reachable(url: string): Promise<Readiness> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(3_000) })
    return { ready: true, detail: url }
  } catch (error) {
    return { ready: false, detail: (error as Error).message }
  }
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
