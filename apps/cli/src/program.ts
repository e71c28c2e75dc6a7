// All commands of `careseal`, and what they share: options, exit codes, how a failure is told.
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { Command, CommanderError } from 'commander'
import { addSignerCommands } from './administration/signer.commands.js'
import { addCompletionCommand } from './completion/completion.command.js'
import { addConsumerCommands } from './consumer/consumer.commands.js'
import { addEvidenceCommands } from './evidence/evidence.commands.js'
import { CliError, EXIT, type ExitCode } from './exit.js'
import { addFsckCommand } from './fsck/fsck.command.js'
import { addImportCommand } from './import/import.command.js'
import { addKeysCommands } from './keys/keys.commands.js'
import { addLedgerCommands } from './ledger/ledger.commands.js'
import { wholeNumber } from './number-option.js'
import { addProducerCommands } from './producer/recover.command.js'
import { addReceiptCommands } from './receipt/receipt.commands.js'
import { addDownCommand } from './stack/down.command.js'
import { addStatusCommand } from './stack/status.command.js'
import { addTokenCommand } from './stack/token.command.js'
import { addTailCommand } from './tail/tail.command.js'
import { addDemoCommands } from './tamper/demo.commands.js'
import { addPolicyCommands } from './trust/policy.commands.js'
import { addUpCommand } from './up/up.command.js'
import { addVerifyCommand } from './verify/verify.command.js'
import { addWitnessCommands } from './witness/witness.commands.js'

const EXITS = `CARESEAL_DEBUG=1 shows where a failure comes from, with its causes.
Exit codes: 0 ok, 1 failure, 2 usage, 3 verification failed, 4 unreachable.`
const EXAMPLES = `
Examples:
  npm start                            the whole ledger on this machine
  careseal token --as patient-1        a bearer token of a demo login
  careseal verify                      check every hash and signature

${EXITS}`

export function createProgram(): Command {
  const program = new Command('careseal')
    .description('A health-data ledger: run it, fill it, and check it without trusting it.')
    .version(version(), '--version', 'print the version')
    .option('--json', 'data as JSON on stdout')
    .option('--quiet', 'no progress and no notes')
    .option('--data-dir <dir>', 'where the ledger of this machine keeps everything (CARESEAL_DATA_DIR)')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  addUpCommand(program)
  addDownCommand(program)
  addStatusCommand(program)
  addTokenCommand(program)
  addImportCommand(program, wholeNumber('a whole number from 1 to 32', { from: 1, to: 32 }))
  addVerifyCommand(program, collect)
  addFsckCommand(program, collect)
  addLedgerCommands(program, collect)
  addReceiptCommands(program, collect)
  addPolicyCommands(program)
  addEvidenceCommands(program, collect)
  addWitnessCommands(program)
  addProducerCommands(program)
  addKeysCommands(program)
  addSignerCommands(program)
  addConsumerCommands(program)
  addTailCommand(program)
  addDemoCommands(program)
  addCompletionCommand(program)
  everyCommand(program, (command) => command.exitOverride())
  return program
}

function version(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** Runs the CLI; what it throws becomes a line on stderr and an exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  outliveReaders()
  try {
    await createProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = tell(error)
  }
}

// Whoever reads us may stop reading, as head does: that is no failure of ours, and hides none. Notes that nobody reads
// any more are no reason to end: a stop that is under way is brought to its end.
function outliveReaders(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}

function tell(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version are no failures.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  process.stderr.write(`careseal: ${error instanceof Error ? error.message : String(error)}\n`)
  if (process.env['CARESEAL_DEBUG']) process.stderr.write(`${inspect(error)}\n`)
  return error instanceof CliError ? error.exitCode : EXIT.failure
}

function everyCommand(command: Command, change: (command: Command) => void): void {
  for (const child of command.commands) {
    change(child)
    everyCommand(child, change)
  }
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}
