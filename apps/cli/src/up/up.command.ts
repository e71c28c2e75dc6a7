// `careseal up`: the whole ledger on this machine, in front of a person, detached, or once for a folder of bundles.
import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { wholeNumber } from '../number-option.js'
import { startDetached } from './detach.js'
import { runForeground } from './foreground.js'
import { runOnce } from './once.js'

export type UpOptions = GlobalOptions & {
  detach?: boolean
  demo: boolean
  data?: string
  once?: boolean
  /** Absent: 8080, or a free one where that is taken. */
  port?: number
}

const port = wholeNumber('a port, 0 to 65535', { to: 65_535 })

const EXAMPLES = `
Examples:
  careseal up                          start with made-up patients and show a box with what to try
  careseal up --detach --json          start in the background, print one JSON object when all is ready
  careseal up --once --data ./bundles  import a folder, seal, verify, print a summary, end
  careseal up --no-demo --port 9000    an empty ledger with the operator's login alone`

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('start the ledger on this machine; a second start goes on where the first stopped')
    .option('--detach', 'return once all is ready; stop it with careseal down')
    .option('--no-demo', 'no sample data and no demo logins')
    .option('--data <dir>', 'import the FHIR bundles of this folder, as the demo’s hospital; no made-up patients')
    .option('--once', 'import, wait until all is sealed, verify, print a summary, stop')
    .option('--port <number>', 'port of the one origin, 0 for any free one (default: 8080, or a free one)', port)
    .addHelpText('after', EXAMPLES)
    .action(runUp)
}

async function runUp(_options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<UpOptions>()
  if (options.once && options.detach) throw new CliError(EXIT.usage, '--once ends by itself: leave out --detach')
  if (!options.demo && options.data !== undefined) {
    const mend = 'leave it out, or import the folder later as a client of yours (careseal import --help)'
    throw new CliError(EXIT.usage, `--data is imported by the demo's hospital, which --no-demo leaves out: ${mend}`)
  }
  const context = contextOf(options)
  if (options.once) await runOnce(context, options)
  else if (options.detach) await startDetached(context, options)
  else await runForeground(context, options)
}
