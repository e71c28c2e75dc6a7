import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { administer } from './administer.js'

type Status = {
  signedSize: number
  signedRoot: string
  holds: string[]
  inForce: { owner: string; vkey: string }[]
  retreat: { index: number; data: { size: number; abandonedSize: number } } | null
}

type Retreat = { size: number; root: string; abandonedSize: number; abandonedRoot: string; index: number }

const GIVES_UP = 'What the signer signed and no witness has seen is given up for good; the ledger says so for ever.'

const RETREAT_HELP = `
For a ledger whose database was put back from an old copy (rollback-detected), where no better copy and no mirror has
what is missing. All witnesses are asked; the signer goes back to the largest size that any of them has seen, and only if
the database holds that. Two operators approve it. It works on a ledger that is stopped, for a halted one does not start.
Afterwards start it: it tells of the retreat first.
Runbook: docs/operations/signer-retreat.md

Examples:
  careseal signer status
  careseal down; careseal signer retreat --yes && npm start`

export function addSignerCommands(program: Command): void {
  const signer = program.command('signer').description("what the log's key has signed")
  signer
    .command('status')
    .description('the largest tree that was signed, and the keys that the signer holds')
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command.optsWithGlobals<GlobalOptions>())
      const status = await administer<Status>(context, 'status')
      context.terminal.data(linesOf(status).join('\n'), status)
    })
  signer
    .command('retreat')
    .description('give up what was signed and no witness has seen, after an old database came back')
    .option('--yes', 'I know that it cannot be undone')
    .addHelpText('after', RETREAT_HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { yes?: boolean }>()
      if (!options.yes) throw new CliError(EXIT.usage, `${GIVES_UP} Say --yes to do it`)
      const context = contextOf(options)
      const report = await administer<Retreat>(context, 'retreat')
      const { size, abandonedSize, index } = report
      const told = `the signer went back from size ${abandonedSize} to ${size}; entry ${index} will say so at the next start`
      context.terminal.data(told, report)
    })
}

function linesOf({ signedSize, signedRoot, holds, inForce, retreat }: Status): string[] {
  const counting = new Set(inForce.map(({ vkey }) => vkey))
  return [
    `signed: size ${signedSize}, root ${signedRoot}`,
    ...holds.map((vkey) => `holds ${vkey}${counting.has(vkey) ? ', in force' : ''}`),
    ...inForce.filter(({ owner }) => owner === 'witness').map(({ vkey }) => `witness ${vkey}`),
    ...(retreat
      ? [`went back from ${retreat.data.abandonedSize} to ${retreat.data.size}, entry ${retreat.index}`]
      : []),
  ]
}
