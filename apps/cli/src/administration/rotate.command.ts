import { sha256 } from '@careseal/crypto'
import { parseVkey } from '@careseal/ledger-core'
import type { Command } from 'commander'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { wholeNumber } from '../number-option.js'
import { administer } from './administer.js'

type RotateOptions = GlobalOptions & { stolen?: boolean; atOnce?: boolean; old?: string; new?: string; wait: number }
type Rotation = { added: string; addedAt: number; retired: string; retiredAt: number }

const wholeSeconds = wholeNumber('a whole number of seconds', { from: 1 })

const HELP = `
The ledger never stops. log: the signer makes a new key, the ledger names it, and checkpoints bear both signatures until
the quorum of witnesses believes the new one; then the old one is retired. Give witnesses and verifiers the line that is
printed. witness: name the old and the new vkey of the witness, which co-signs with both until the old one is retired.
May be repeated, and goes on where it was. Runbooks: docs/operations/rotate-keys.md, docs/operations/stolen-key.md

Examples:
  careseal keys rotate log
  careseal keys rotate log --stolen --at-once
  careseal keys rotate witness --old "$OLD_VKEY" --new "$NEW_VKEY"`

/** Beside `keys destroy`, which is about the keys of subjects. */
export function addRotateCommand(keys: Command): void {
  keys
    .command('rotate')
    .description("change the log's key or a witness's key, with two operators' approvals and without a stop")
    .argument('<owner>', 'log or witness')
    .option('--old <vkey>', 'witness: the key that ends')
    .option('--new <vkey>', 'witness: the key that takes its place')
    .option('--stolen', 'the ledger says that the old key was stolen')
    .option('--at-once', 'end the old key without waiting for witnesses: until they know the new one nobody co-signs')
    .option('--wait <seconds>', 'how long witnesses are waited for', wholeSeconds, 60)
    .addHelpText('after', HELP)
    .action(async (owner: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RotateOptions>()
      const context = contextOf(options)
      tell(context, await rotate(context, owner, options))
    })
}

function rotate(context: Context, owner: string, options: RotateOptions): Promise<Rotation> {
  const settings = {
    REASON: options.stolen ? 'stolen' : 'rotated',
    AT_ONCE: String(options.atOnce === true),
    PATIENCE_MS: String(options.wait * 1000),
  }
  const { old, new: next } = options
  if (owner === 'log') {
    if (old !== undefined || next !== undefined) {
      throw new CliError(EXIT.usage, "the log's signer makes its key itself: --old and --new are of a witness")
    }
    return administer(context, 'rotate-log', settings)
  }
  if (owner !== 'witness') throw new CliError(EXIT.usage, `${owner} has no key of this kind: name log or witness`)
  if (!old || !next) throw new CliError(EXIT.usage, 'name both keys of the witness: --old and --new')
  for (const vkey of [old, next]) requireVkey(vkey)
  return administer(context, 'rotate-witness', { ...settings, OLD_VKEY: old, NEW_VKEY: next })
}

function requireVkey(text: string): void {
  try {
    parseVkey(sha256, text)
  } catch (error) {
    throw new CliError(EXIT.usage, `${text} is no vkey: ${(error as Error).message}`, { cause: error })
  }
}

function tell({ terminal }: Context, rotation: Rotation): void {
  const { added, addedAt, retired, retiredAt } = rotation
  const lines = [
    `${added}`,
    `  counts from size ${addedAt + 1} on (entry ${addedAt})`,
    `${retired}`,
    `  counted up to size ${retiredAt} (entry ${retiredAt})`,
  ]
  terminal.data(lines.join('\n'), rotation)
}
