// Follows all events, each verified against its producer's hash chain before it is shown.
import type { Command } from 'commander'
import { readEvents, type LedgerEvent, type NatsConnection, type Position } from '@careseal/messaging'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { requestJson } from '../http.js'
import { asNatsUser } from '../nats-user.js'
import { wholeNumber } from '../number-option.js'
import { eventJson, eventLine } from './event-line.js'
import { readerWarnings } from './reader-warnings.js'

/** Reads as the audit service does: the one user that may read every producer's events. */
const NATS_USER = 'audit'

type TailOptions = GlobalOptions & { fromStart?: boolean; count?: number }

const HELP = `
Each event is shown once its link in its producer's chain is verified; what the broker lost is asked from the producer.
A chain that is broken is told at once, and the command then ends with 3.

Examples:
  careseal tail
  careseal tail --from-start --json | jq .type
  careseal tail --count 10`

export function addTailCommand(program: Command): void {
  program
    .command('tail')
    .description('follow the events of this machine’s ledger as they are published')
    .option('--from-start', 'all events from the first one on')
    .option('--count <n>', 'end after so many events', wholeNumber('a whole number from 1 on', { from: 1 }))
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>()
      await follow(contextOf(options), options)
    })
}

async function follow(context: Context, options: TailOptions): Promise<void> {
  const { nats } = context.runningState()
  await asNatsUser(NATS_USER, { nats, dataDir: context.dataDir() }, (nc) => show(nc, context, options))
}

async function show(
  nc: NatsConnection,
  context: Context,
  { fromStart, count = Number.POSITIVE_INFINITY }: TailOptions,
): Promise<void> {
  const { terminal } = context
  const { origin, ledgerOrigin } = context.runningState()
  const end = Promise.withResolvers<void>()
  let shown = 0
  const deliver = async (batch: LedgerEvent[]) => {
    for (const event of batch.slice(0, count - shown)) {
      shown += 1
      terminal.data(eventLine(event, terminal.colors), eventJson(event))
    }
    if (shown >= count) end.resolve()
  }
  const producers = await positionOf(origin, { fromStart })
  const reader = readEvents({ nc, origin: ledgerOrigin, producers, deliver, ...readerWarnings(terminal) })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.resolve())
  reader.start()
  terminal.note('following; Ctrl-C ends')
  await Promise.race([end.promise, reader.finished]).finally(() => reader.stop())
}

type Head = { producer: string; latest: string; lastSeq: number; lastLink: string }

// All that the ledger has admitted from their beginnings, or the newest incarnations from where the ledger stands; events
// that are published and not sealed yet are shown too.
async function positionOf(
  origin: string,
  { fromStart = false }: { fromStart?: boolean | undefined },
): Promise<Position> {
  const { producers } = await requestJson<{ producers: Head[] }>(`${origin}/ledger/producers`)
  const read = producers.filter(({ producer, latest }) => fromStart || producer === latest)
  return Object.fromEntries(
    read.map(({ producer, lastSeq, lastLink }) => {
      return [producer, fromStart ? { seq: 0, link: '' } : { seq: lastSeq, link: lastLink }]
    }),
  )
}
