import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { startProgress } from '../terminal/progress.js'
import { addInitCommand } from './init.command.js'
import { addRecoverCommand } from './recover.command.js'
import { exportLedger } from './export-ledger.js'

const HELP = `
The folder then holds what a static mirror of the log serves (C2SP tlog-tiles): checkpoint, tile/entries, tile/<level>,
and the log's own vkey. A repeat fetches what is new; a run that was stopped goes on. The folder of another log is refused.

Examples:
  careseal ledger export ./mirror
  careseal ledger export ./mirror --origin https://ledger.example
  careseal verify --export ./mirror --vkey log.vkey
  careseal fsck --export ./mirror --vkey log.vkey`

export function addLedgerCommands(program: Command): void {
  const ledger = program.command('ledger').description('copies of the ledger, and how to begin one or put it back')
  addRecoverCommand(ledger)
  addInitCommand(ledger)
  ledger
    .command('export <folder>')
    .description('copy the ledger up to its published checkpoint into a folder, or bring a copy up to date')
    .option('--origin <url>', 'the ledger to copy, instead of the one on this machine')
    .addHelpText('after', HELP)
    .action(async (folder: string, _options: unknown, command: Command) => {
      const { terminal, origin } = contextOf(command.optsWithGlobals<GlobalOptions>())
      const progress = startProgress(terminal, 'tiles fetched', 0)
      const onProgress = (done: number, total: number) => progress.update(done, total)
      const summary = await exportLedger({ origin: origin(), folder, onProgress }).finally(() => progress.stop())
      const { entries, files } = summary
      terminal.data(`${entries} entries in ${folder}; ${files} files fetched now`, { folder, ...summary })
    })
}
