import type { Command } from 'commander'
import { verifyCheckpoint } from '@careseal/ledger-core'
import { initSuccessor } from '@careseal/stack'
import { contextOf, usableDataDir, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { readText, trustOf } from '../verify/trust-options.js'

const HELP = `
The genesis of the new ledger holds that checkpoint, so whoever verifies it knows which ledger it follows and how far
that one counts. The policy is the old ledger's: what its witnesses have not co-signed is refused.
Runbook: docs/operations/successor-ledger.md

Example:
  careseal ledger init --successor-of last.checkpoint --policy old-policy.txt --data-dir ./successor
  npm start -- --data-dir ./successor`

type InitOptions = GlobalOptions & { successorOf: string; policy: string }

export function addInitCommand(ledger: Command): void {
  ledger
    .command('init')
    .description(
      'begin a ledger in a new data folder that follows one which cannot go on (npm start begins all others)',
    )
    .requiredOption('--successor-of <file>', 'the last checkpoint of the old ledger that witnesses co-signed')
    .requiredOption('--policy <file>', 'the C2SP policy that this checkpoint has to meet')
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<InitOptions>()
      const { terminal, dataDirPath } = contextOf(options)
      const old = await witnessed(options)
      const { root } = usableDataDir(dataDirPath)
      const onProgress = (told: string) => terminal.note(told)
      const { origin } = await initSuccessor(root, options.successorOf, { onProgress }).catch((error: unknown) => {
        throw new CliError(EXIT.failure, (error as Error).message, { cause: error })
      })
      terminal.data(`${origin} follows ${old.origin} from its size ${old.size}; npm start -- --data-dir ${root}`, {
        origin,
        follows: old.origin,
        size: old.size,
        dataDir: root,
      })
    })
}

async function witnessed({ successorOf, policy }: InitOptions) {
  const trust = trustOf({ policy })
  if (!trust || !('policy' in trust) || trust.policy.quorum === null) {
    throw new CliError(EXIT.usage, `${policy} asks no witness: a predecessor counts as far as witnesses co-signed it`)
  }
  try {
    return await verifyCheckpoint(readText(successorOf), trust, PRIMITIVES)
  } catch (error) {
    if (error instanceof CliError) throw error
    const reason = (error as Error).message
    throw new CliError(EXIT.verification, `${successorOf} does not meet ${policy}: ${reason}`, { cause: error })
  }
}
