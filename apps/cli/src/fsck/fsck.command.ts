import type { Command } from 'commander'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { startProgress } from '../terminal/progress.js'
import { exportedCheckpoint } from '../verify/export-files.js'
import { readText, trustOf, type TrustOptions } from '../verify/trust-options.js'
import { fsckExport } from './fsck-export.js'
import { policyLogs } from './quorum-check.js'
import type { Progress, FsckReport } from './report.js'
import { reportText } from './report-text.js'
import { runFsck } from './run-fsck.js'

type FsckOptions = GlobalOptions & TrustOptions & { export?: string }

const HELP = `
It reads the databases of the ledger on this machine, the root keys and the signer's memory beside them: one moment of
all of them, also of a ledger that is written to. With --export it reads a folder and nothing else. verify needs neither
keys nor databases and trusts nobody; fsck sees what verify cannot: that records open, that every event is on the ledger,
that no secret was used twice. A policy says who has to have co-signed what is published. It ends with the invariants of the design, and what was looked at for each.

Examples:
  careseal fsck
  careseal fsck --json | jq '.checks[].violations[]'
  careseal fsck --json | jq -r '.invariants[] | select(.state != "holds") | .id + " " + .why'
  careseal ledger export ./mirror && careseal fsck --export ./mirror --policy policy.txt`

export function addFsckCommand(program: Command, collect: (value: string, before: string[]) => string[]): void {
  program
    .command('fsck')
    .description('re-derive all stored data of this machine’s ledger; exit 3 names the event or record version')
    .option('--export <dir>', 'look at an export (C2SP tiles in a folder) instead, offline')
    .option('--vkey <key-or-file>', 'with --export: a verifier key of the log that you trust', collect, [])
    .option(
      '--policy <file>',
      'whose cosignatures the published checkpoint must bear; default: the policy of this ledger',
    )
    .addHelpText('after', HELP)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<FsckOptions>()
      const context = contextOf(options)
      const bar = startProgress(context.terminal, 'checked', 0)
      const progress: Progress = ({ check, done, total }) => bar.update(done, total, check)
      try {
        tell(context, options.export === undefined ? await live(context, options, progress) : folder(options, progress))
      } finally {
        bar.stop()
      }
    })
}

function live(context: Context, { vkey = [], policy }: FsckOptions, progress: Progress): Promise<FsckReport> {
  if (vkey.length > 0) throw new CliError(EXIT.usage, '--vkey needs --export: this machine knows the key of its log')
  return runFsck({ dataDir: context.dataDir(), state: context.runningState(), policy: policyIn(policy), progress })
}

function folder({ export: path = '', vkey = [], policy }: FsckOptions, progress: Progress): FsckReport {
  const trust = trustOf({ vkey })
  const named = policyIn(policy)
  const vkeys = trust && 'logVkeys' in trust ? trust.logVkeys : policyLogs(named ?? '')
  return fsckExport({ folder: path, note: exportedCheckpoint(path), vkeys, policy: named, progress })
}

/** The text of a policy file; what is none is refused here, so that the plain code that reads it again need not. */
function policyIn(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  trustOf({ policy: path })
  return readText(path)
}

function tell({ terminal }: Context, report: FsckReport): void {
  terminal.data(reportText(report, terminal.colors), report)
  if (!report.clean) process.exitCode = EXIT.verification
}
