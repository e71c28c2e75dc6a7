import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { readText } from '../verify/trust-options.js'
import { pinnedFile, pinPolicy } from './pinned-policy.js'

const HELP = `
A policy (C2SP tlog-policy) says which logs you trust and which witnesses must have co-signed. Get it from somebody whom
you trust, not from the ledger: who pins what the ledger says believes the ledger. --policy of a command goes before.

Examples:
  careseal policy pin policy.txt
  careseal policy show ledger.example/main
  careseal policy unpin ledger.example/main`

export function addPolicyCommands(program: Command): void {
  const policy = program.command('policy').description('what you trust, for verify and receipt verify')
  policy
    .command('pin <file>')
    .description('trust this policy for every log that it names, from now on')
    .addHelpText('after', HELP)
    .action((file: string, _options: unknown, command: Command) => {
      const { terminal } = contextOf(command.optsWithGlobals<GlobalOptions>())
      const origins = pinned(file)
      terminal.data(`pinned for ${origins.join(', ')}`, { origins })
    })
  policy
    .command('show <origin>')
    .description('print the policy that is pinned for a log, by the first line of its checkpoints')
    .action((origin: string, _options: unknown, command: Command) => {
      const { terminal } = contextOf(command.optsWithGlobals<GlobalOptions>())
      const text = readFileSync(requirePinned(origin), 'utf8')
      terminal.data(text.trimEnd(), { origin, policy: text })
    })
  policy
    .command('unpin <origin>')
    .description('trust nobody for this log any more')
    .action((origin: string, _options: unknown, command: Command) => {
      rmSync(requirePinned(origin))
      contextOf(command.optsWithGlobals<GlobalOptions>()).terminal.data(`unpinned for ${origin}`, { origin })
    })
}

function pinned(file: string): string[] {
  const text = readText(file)
  try {
    return pinPolicy(text)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(EXIT.usage, `${file}: ${(error as Error).message}`, { cause: error })
  }
}

function requirePinned(origin: string): string {
  const file = pinnedFile(origin)
  if (existsSync(file)) return file
  throw new CliError(EXIT.usage, `no policy is pinned for ${origin}: careseal policy pin FILE`)
}
