import { addRotateCommand } from '../administration/rotate.command.js'
import { Argument, InvalidArgumentError, type Command } from 'commander'
import { PRODUCERS } from '@careseal/contracts'
import type { NatsConnection } from '@careseal/messaging'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT, type ExitCode } from '../exit.js'
import { asNatsUser, DEPLOYER } from '../nats-user.js'
import { startProgress } from '../terminal/progress.js'
import { noteRecipients, RECIPIENT_DEADLINE_MS, tellRecipients, type Acknowledgement } from '../consumer/erasures.js'
import { destroyKeys, type Destroyed } from './destroy-keys.js'

type DestroyOptions = GlobalOptions & { yes?: boolean }

const FOREVER = 'It cannot be undone: nothing of the subject opens ever again, not even from a backup.'

const HELP = `
${FOREVER}
Every service destroys its keys of the subject and what only they open of its events, once the signer remembers it.
Consumers that are registered as recipients are told, and must acknowledge; careseal consumer list shows who has not.
Ciphertext without a key and indexes stay stored: this is a part of an erasure, not the whole of it. No certificate
is made, and no legal hold is asked for. May be repeated, and goes on after a failure.

Examples:
  careseal keys destroy Patient/<id> --yes
  careseal keys destroy Practitioner/<id> --yes --json
  careseal keys destroy Patient/<id> --yes && careseal fsck`

export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('keys of subjects, of the log and of witnesses')
  keys
    .command('destroy')
    .description('destroy the keys of one subject in every service, for good')
    .addArgument(new Argument('<subject>', 'Patient/<id>, Practitioner/<id> or Organization/<id>').argParser(subject))
    .option('--yes', 'I know that it cannot be undone')
    .addHelpText('after', HELP)
    .action(runDestroy)
  addRotateCommand(keys)
}

async function runDestroy({ type, id }: Subject, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<DestroyOptions>()
  if (!options.yes) throw new CliError(EXIT.usage, `${FOREVER} Say --yes to do it`)
  const context = contextOf(options)
  context.terminal.note(FOREVER)
  const dataDir = context.dataDir()
  const erased = await asNatsUser(DEPLOYER, { nats: context.runningState().nats, dataDir }, async (nc) => {
    const names = await noteRecipients(dataDir, id)
    const progress = startProgress(context.terminal, 'services', PRODUCERS.length)
    const services = await destroyKeys(nc, id, (done) => progress.update(done)).finally(() => progress.stop())
    return { services, recipients: await askRecipients(context, nc, { subjectId: id, names }) }
  })
  tell(context, `${type}/${id}`, erased)
}

async function askRecipients(
  { terminal, dataDir }: Context,
  nc: NatsConnection,
  asked: { subjectId: string; names: readonly string[] },
): Promise<Acknowledgement[]> {
  if (asked.names.length === 0) return []
  terminal.note(
    `asking ${asked.names.join(', ')} to forget the subject: each has up to ${RECIPIENT_DEADLINE_MS / 1000} s`,
  )
  const progress = startProgress(terminal, 'recipients', asked.names.length)
  const told = tellRecipients({ nc, dataDir: dataDir() }, asked, (done) => progress.update(done))
  return told.finally(() => progress.stop())
}

type Erased = { services: readonly Destroyed[]; recipients: readonly Acknowledgement[] }

function tell({ terminal }: Context, subject: string, { services, recipients }: Erased): void {
  const { green, red } = terminal.colors
  const lines = services.map((one) =>
    'keys' in one
      ? `${green('✓')} ${one.service}: ${one.keys} ${one.keys === 1 ? 'key is' : 'keys are'} destroyed`
      : `${red('✗')} ${one.service}: not destroyed (${one.failed})`,
  )
  const told = recipients.map((one) =>
    'forgotten' in one
      ? `${green('✓')} recipient ${one.recipient}: acknowledged`
      : `${red('✗')} recipient ${one.recipient}: NOT acknowledged (${one.failed})`,
  )
  const failed = [...services, ...recipients].filter((one) => 'failed' in one)
  terminal.data([...lines, ...told].join('\n'), { subject, done: failed.length === 0, services, recipients })
  if (failed.length === 0) return
  const names = failed.map((one) => ('service' in one ? one.service : one.recipient)).join(', ')
  terminal.warn(`careseal: not done by ${names}: see careseal status, then repeat this command; it goes on there`)
  process.exitCode = exitOf(failed)
}

function exitOf(failed: readonly (Destroyed | Acknowledgement)[]): ExitCode {
  const silent = ['unreachable', 'deadline-exceeded', 'breaker-open']
  return failed.every((one) => 'failed' in one && silent.includes(one.failed)) ? EXIT.unreachable : EXIT.failure
}

type Subject = { type: string; id: string }

function subject(text: string): Subject {
  const uuid = /^(Patient|Practitioner|Organization)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
  const [, type, id] = uuid.exec(text) ?? []
  if (type === undefined || id === undefined) {
    throw new InvalidArgumentError(
      'must be Patient/<id>, Practitioner/<id> or Organization/<id>, with a server-made id',
    )
  }
  return { type, id }
}
