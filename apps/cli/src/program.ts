// All commands of `careseal`, and what they share: options, exit codes, how a failure is told.
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { addSignerCommands } from './administration/signer.commands.js'
import { addCompletionCommand } from './completion/completion.command.js'
import { addConsumerCommands } from './consumer/consumer.commands.js'
import { addEvidenceCommands } from './evidence/evidence.commands.js'
import { CliError, EXIT, type ExitCode } from './exit.js'
import { addFsckCommand } from './fsck/fsck.command.js'
import { addImportCommand } from './import/import.command.js'
import { addKeysCommands } from './keys/keys.commands.js'
import { addLedgerCommands } from './ledger/ledger.commands.js'
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

const EXITS = 'Exit codes: 0 ok, 1 failure, 2 usage, 3 verification failed, 4 unreachable.'
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
  addImportCommand(program, smallCount)
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
  // Whoever reads us may stop reading, as head does: that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.ok)
  })
  try {
    await createProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = tell(error)
  }
}

function tell(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version are no failures.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  process.stderr.write(`careseal: ${error instanceof Error ? error.message : String(error)}\n`)
  if (error instanceof CliError) return error.exitCode
  if (process.env['CARESEAL_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  return EXIT.failure
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

function smallCount(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 32) return number
  throw new InvalidArgumentError('must be a whole number from 1 to 32')
}
