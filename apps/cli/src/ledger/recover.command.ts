import type { Command } from 'commander'
import { originOf, recoverLedger, witnessCountOf, type DataDir, type LedgerRecovery } from '@careseal/stack'
import { contextOf, type GlobalOptions, type Context } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { requireMirror } from './require-mirror.js'

const HELP = `
Every entry is verified before its block is written. Without --from the mirror of the first witness of this machine is
taken. The tables that were there stay beside, as another schema. The ledger has to be stopped: careseal down.
Runbook: docs/operations/restore-ledger.md

Examples:
  careseal ledger recover
  careseal ledger recover --from ./mirror
  careseal ledger recover --from https://witness.example.org/<hash of the origin>/mirror`

type RecoverOptions = GlobalOptions & { from?: string }

export function addRecoverCommand(ledger: Command): void {
  ledger
    .command('recover')
    .description(
      'put the ledger on this machine back from a mirror, when its database is lost or old; exit 3 if it cannot go on',
    )
    .option('--from <mirror>', 'base URL of a mirror, or the folder of an export')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RecoverOptions>()
      const context = contextOf(options)
      const dataDir = context.dataDir()
      await refuseWithoutMirror(dataDir, options.from)
      const onProgress = (told: string) => context.terminal.note(told)
      const report = await recoverLedger(dataDir.root, options.from ?? null, { onProgress }).catch((error: unknown) => {
        throw new CliError(EXIT.failure, (error as Error).message, { cause: error })
      })
      tell(context, report)
    })
}

async function refuseWithoutMirror(dataDir: DataDir, from: string | undefined): Promise<void> {
  if (from === undefined && witnessCountOf(dataDir) > 0) return
  if (from === undefined) {
    throw new CliError(EXIT.usage, 'no witness of this machine has a mirror: name one with --from')
  }
  const origin = originOf(dataDir)
  // Without a ledger the recovery itself says that there is none.
  if (origin !== null) await requireMirror(from, origin)
}

function tell({ terminal }: Context, report: LedgerRecovery & { setAside: string }): void {
  const { treeSize, height, signedSize, witnesses, contradiction, setAside } = report
  const { green, red } = terminal.colors
  const seen = witnesses.map(({ witness, size }) => `  ${witness} has co-signed ${size ?? 'nothing that it shows'}`)
  const lines = [
    `${treeSize} entries in ${height + 1} blocks are there again; ${signedSize} were signed`,
    ...seen,
    `what the database held before is in the schema ${setAside}`,
    contradiction === null
      ? green('it can go on: npm start')
      : red(`it cannot go on: ${contradiction} (docs/operations/rollback-detected.md)`),
  ]
  terminal.data(lines.join('\n'), report)
  if (contradiction !== null) process.exitCode = EXIT.verification
}
