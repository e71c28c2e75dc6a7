import { ConsumerName, EVENT_TYPES, type ConsumerGrant, type EventType } from '@careseal/contracts'
import { consumersOf, natsSeedFileOf, publicNkeyOf, writeConsumers } from '@careseal/stack'
import { InvalidArgumentError, type Command } from 'commander'
import { existsSync } from 'node:fs'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { withLock } from '../folder-lock.js'
import { makeDurable, removeDurable } from './durable.js'
import { unacknowledged } from './erasures.js'

type AddOptions = GlobalOptions & { types: EventType[]; recipient?: boolean }

const ADD_HELP = `
The consumer gets a NATS user of its own that may read these event types and nothing else. A second call with the same
name changes what it may read. --recipient says that it keeps personal data: it is told of erasures, and must acknowledge
them. It stays so until --no-recipient is said.

Event types: ${EVENT_TYPES.join(', ')}.

Examples:
  careseal consumer add billing --types ConsentGranted,ConsentRevoked
  careseal consumer add research --types RecordVersionAdded --recipient`

export function addConsumerCommands(program: Command): void {
  const consumer = program.command('consumer').description('services of others that consume events')
  consumer
    .command('add')
    .description('register a consumer, or change what it was granted')
    .argument('<name>', 'its name: lower-case letters, digits and hyphens', consumerName)
    .requiredOption('--types <types>', 'the event types that it may read, separated by commas', eventTypes)
    .option('--recipient', 'it keeps personal data and must acknowledge erasures')
    .option('--no-recipient', 'it keeps none, or has given it back, and is told of no erasure any more')
    .addHelpText('after', ADD_HELP)
    .action(runAdd)
  consumer
    .command('list')
    .description('all consumers, what each may read, and erasures that recipients have not acknowledged')
    .addHelpText('after', '\nExamples:\n  careseal consumer list\n  careseal consumer list --json')
    .action(runList)
  consumer
    .command('remove')
    .description('take a consumer’s rights and its position in the stream away')
    .argument('<name>', 'as careseal consumer list shows it', consumerName)
    .addHelpText('after', '\nExample:\n  careseal consumer remove billing')
    .action(runRemove)
}

async function runAdd(name: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<AddOptions>()
  const context = contextOf(options)
  const { nats } = context.runningState()
  const grant = await underConsumersLock(context, () => add(context, name, options))
  const seedFile = natsSeedFileOf(context.dataDir(), name)
  const duty = grant.recipient ? 'must acknowledge erasures' : 'is told of no erasure'
  const lines = [`${name} may read ${grant.types.join(', ')}, and ${duty}`, `broker  ${nats}`, `seed    ${seedFile}`]
  context.terminal.data(lines.join('\n'), { ...grant, nats, seedFile })
  context.terminal.note('The seed is its password: hand it over on a safe way. The broker knows it in a moment.')
}

async function add(context: Context, name: string, options: AddOptions): Promise<ConsumerGrant> {
  const [dataDir, { nats }] = [context.dataDir(), context.runningState()]
  const before = consumersOf(dataDir).find((other) => other.name === name)
  // What a removal that was cut off left is somebody else's: whoever holds that seed must never get in again.
  if (before === undefined) {
    dataDir.remove(seedOf(name))
    await removeDurable({ nats, dataDir }, name)
  }
  const recipient = options.recipient ?? before?.recipient ?? false
  if (before?.recipient && !recipient) warnOfOpenErasures(context, name)
  const grant: ConsumerGrant = { name, types: options.types, publicNkey: publicNkeyOf(dataDir, name), recipient }
  await makeDurable({ nats, dataDir }, grant)
  writeConsumers(dataDir, [...consumersOf(dataDir).filter((other) => other.name !== name), grant])
  return grant
}

function runList(_options: unknown, command: Command): void {
  const context = contextOf(command.optsWithGlobals<GlobalOptions>())
  const dataDir = context.dataDir()
  const consumers = consumersOf(dataDir).map((consumer) => ({
    ...consumer,
    unacknowledged: consumer.recipient ? unacknowledged(dataDir, consumer.name) : [],
  }))
  const lines = consumers.map(({ name, types, recipient, unacknowledged: open }) => {
    const erasures = open.length === 0 ? 'all erasures acknowledged' : `${open.length} erasures NOT acknowledged`
    return `${name}  ${types.join(', ')}${recipient ? `  (recipient: ${erasures})` : ''}`
  })
  context.terminal.data(lines.length === 0 ? 'no consumers' : lines.join('\n'), { consumers })
}

async function runRemove(name: string, _options: unknown, command: Command): Promise<void> {
  const context = contextOf(command.optsWithGlobals<GlobalOptions>())
  await underConsumersLock(context, () => remove(context, name))
  context.terminal.data(`${name} may read nothing any more`, { removed: name })
}

async function remove(context: Context, name: string): Promise<void> {
  const [dataDir, { nats }] = [context.dataDir(), context.runningState()]
  const consumers = consumersOf(dataDir)
  const isListed = consumers.some((each) => each.name === name)
  const hasSeed = existsSync(dataDir.path(seedOf(name)))
  if (isListed) warnOfOpenErasures(context, name)
  // Rights first: if we crash here, it can read no more, and a repeat removes the rest. The seed before what needs the
  // broker, which may not answer.
  const others = consumers.filter((each) => each.name !== name)
  if (isListed) writeConsumers(dataDir, others)
  dataDir.remove(seedOf(name))
  const hadDurable = await removeDurable({ nats, dataDir }, name)
  if (isListed || hasSeed || hadDurable) return
  throw new CliError(EXIT.usage, `there is no consumer ${name}: see careseal consumer list`)
}

const seedOf = (name: string) => `secrets/nats-${name}.nk`

const WAIT_MS = 10_000

function underConsumersLock<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const { root, path } = context.dataDir()
  const options = { what: `changing the consumers of ${root}`, waitMs: WAIT_MS, onWait: context.terminal.note }
  return withLock(path('consumers.json.lock'), options, work)
}

function warnOfOpenErasures(context: Context, name: string): void {
  const open = unacknowledged(context.dataDir(), name)
  if (open.length === 0) return
  context.terminal.warn(
    `careseal: ${name} never acknowledged ${open.length} erasures; it may still hold what it was to forget`,
  )
}

function consumerName(text: string): string {
  const parsed = ConsumerName.safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(`must be ${parsed.error.issues[0]?.message}: lower-case letters, digits, hyphens`)
}

function eventTypes(text: string): EventType[] {
  const types = text.split(',').map((type) => type.trim())
  const unknown = types.filter((type) => !EVENT_TYPES.includes(type as EventType))
  if (unknown.length === 0) return [...new Set(types)] as EventType[]
  throw new InvalidArgumentError(`${unknown.join(', ')} is no event type; they are ${EVENT_TYPES.join(', ')}`)
}
