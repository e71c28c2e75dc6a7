import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { restore, tamper, type TamperTarget } from './tamper.js'

type TamperOptions = GlobalOptions & { entry?: boolean; record?: boolean }

const HELP = `
It does what whoever owns the database server could do, past every trigger and grant. What was there is kept,
and has to be put back before anything else is changed.

Examples:
  careseal demo tamper && careseal verify; careseal demo restore
  careseal demo tamper --record && careseal fsck; careseal demo restore`

export function addDemoCommands(program: Command): void {
  const demo = program.command('demo').description('change stored bytes behind the ledger’s back, and put them back')
  demo
    .command('tamper')
    .description('change one stored byte, of a sealed entry unless told otherwise')
    .option('--entry', 'of a sealed entry of the ledger: verify and fsck find it')
    .option('--record', 'of a stored record version: fsck finds it')
    .addHelpText('after', HELP)
    .action(runTamper)
  demo
    .command('restore')
    .description('put every changed byte back')
    .addHelpText('after', '\nExample:\n  careseal demo restore')
    .action(runRestore)
}

async function runTamper(_options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<TamperOptions>()
  if (options.entry && options.record) throw new CliError(EXIT.usage, 'give --entry or --record, not both')
  const context = contextOf(options)
  const state = context.runningState()
  if (!state.demo) throw new CliError(EXIT.failure, 'only a ledger in demo mode may be tampered with')
  const target: TamperTarget = options.record ? 'record' : 'entry'
  const { table, column, key, offset, described } = await tamper(context.dataDir(), state.postgres, target)
  const check = target === 'entry' ? 'careseal verify' : 'careseal fsck'
  context.terminal.note(`now run ${check}, then careseal demo restore`)
  context.terminal.data(`changed ${described}`, { target, table, column, key, offset, described })
}

async function runRestore(_options: unknown, command: Command): Promise<void> {
  const context = contextOf(command.optsWithGlobals<GlobalOptions>())
  const done = await restore(context.dataDir(), context.runningState().postgres)
  const text =
    done.length === 0 ? 'nothing was changed' : done.map(({ described }) => `put back ${described}`).join('\n')
  context.terminal.data(text, { restored: done.map(({ target, key, described }) => ({ target, key, described })) })
}
