import type { Command } from 'commander'
import { PRODUCERS, type Producer } from '@careseal/contracts'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { recoverProducer, type RecoveryReport } from './recover.js'
import { whileRunning } from './while-running.js'

type RecoverOptions = GlobalOptions & { yes?: boolean }

const HELP = `
A service whose database was restored to an old copy answers nothing (503 producer-rollback). This takes back what the
broker still holds of the events that the copy lacks, lists what is lost, and goes on under the next name: consent-2.
It approves that name with the two operator keys of this machine. A ledger that is stopped, because npm start ended with
producer-rollback, is started for it and stopped again. Runbook: docs/operations/producer-rollback.md

Examples:
  careseal producer recover consent --yes
  careseal producer recover identity records --yes
  careseal producer recover records --yes --json | jq .lost`

export function addProducerCommands(program: Command): void {
  const producer = program.command('producer').description('a service as a producer of events')
  producer
    .command('recover')
    .description('bring services back whose databases were rolled back behind the ledger, one after the other')
    .argument('<service...>', PRODUCERS.join(', '))
    .option('--yes', 'do it: the new name stays on the ledger for good')
    .addHelpText('after', HELP)
    .action(async (services: string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RecoverOptions>()
      const context = contextOf(options)
      const asked = new Set(services.map((service) => confirmed(service, options.yes)))
      const onProgress = (told: string) => context.terminal.note(told)
      await whileRunning(context, async (dataDir, state) => {
        for (const service of asked) tell(context, await recoverProducer({ dataDir, state, service, onProgress }))
      })
    })
}

function confirmed(service: string, isConfirmed: boolean | undefined): Producer {
  const known = PRODUCERS.find((name) => name === service)
  if (!known) throw new CliError(EXIT.usage, `${service} is no producer: name one of ${PRODUCERS.join(', ')}`)
  if (isConfirmed) return known
  const next = `read docs/operations/producer-rollback.md, then say --yes`
  throw new CliError(EXIT.usage, `a recovery admits a new name of ${service} to the ledger for good: ${next}`)
}

function tell({ terminal }: Context, report: RecoveryReport): void {
  const { service, incarnation, missing, fromCopy, fromBroker, lost, neverSealed, counts } = report
  const { green, yellow } = terminal.colors
  const others = Object.entries(counts).map(([name, count]) => `  ${words(name)}: ${count}`)
  const lines = [
    green(`${service} goes on as ${incarnation}`),
    `  events that the copy lacked: ${missing}`,
    `  found in the copy itself: ${fromCopy}; brought back from the broker, without their private parts: ${fromBroker}`,
    lost.length === 0 ? '  lost for good: 0' : yellow(`  lost for good: ${lost.length}`),
    ...lost.slice(0, 20).map(({ producer, seq, leafIndex }) => `    ${producer} ${seq}, leaf ${leafIndex}`),
    ...(lost.length > 20 ? [`    and ${lost.length - 20} more: --json lists them all`] : []),
    ...(neverSealed > 0 ? [`  published, but not on the ledger, and not taken up: ${neverSealed}`] : []),
    ...others,
  ]
  terminal.data(lines.join('\n'), report)
}

function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
