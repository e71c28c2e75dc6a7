import type { Command } from 'commander'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { startProgress, type Progress } from '../terminal/progress.js'
import { pinnedTrust } from '../trust/pinned-policy.js'
import { exportedLedger } from '../verify/ledger-source.js'
import { trustOf, type TrustOptions } from '../verify/trust-options.js'
import { tellFault } from '../verify/verify-report.js'
import { addInitCommand } from './init.command.js'
import { addRecoverCommand } from './recover.command.js'
import { exportLedger } from './export-ledger.js'
import { importLedger } from './import-ledger.js'

type CopyOptions = GlobalOptions & TrustOptions

const TRUST = `Without --vkey, --policy or a pinned policy (careseal policy) the keys that the genesis names are believed.`

const EXPORT_HELP = `
The folder then holds what a static mirror of the log serves (C2SP tlog-tiles): checkpoint, tile/entries, tile/<level>,
and the log's own vkey. A repeat fetches what is new; a run that was stopped goes on. The folder of another log is refused.
All of it is verified before the checkpoint is written; exit 3 names what does not, and the next run fetches it anew.

What the folder holds under its own checkpoint is never replaced by another history. A ledger that is smaller, or does not
continue it, is refused with exit 3, and both signed checkpoints are kept in <folder>/evidence-<sizes>: keep the folder.
Where the signer has retreated or the ledger was put back with less, name an empty folder.
${TRUST}

Examples:
  careseal ledger export ./mirror
  careseal ledger export ./mirror --origin https://ledger.example --policy policy.txt
  careseal verify --export ./mirror --vkey log.vkey
  careseal fsck --export ./mirror --vkey log.vkey`

const IMPORT_HELP = `
The source is an export or any other folder of C2SP tiles, or the URL below which a mirror serves them; a checkpoint and
tile/entries do. Every entry is verified, and the folder holds what the entries make: also the hash tiles, if the source
had none, or others. Exit 3 names what does not verify; then the folder is as it was. A file of it that holds other bytes
is not replaced. A source of another history than the folder's is refused with exit 3, and both signed checkpoints are kept
in <folder>/evidence-<sizes>.
${TRUST}

Examples:
  careseal ledger import /media/backup/mirror ./mirror --policy policy.txt
  careseal ledger import https://mirror.example/ledger ./mirror --vkey log.vkey
  careseal verify --export ./mirror`

export function addLedgerCommands(program: Command, collect: (value: string, before: string[]) => string[]): void {
  const ledger = program.command('ledger').description('copies of the ledger, and how to begin one or put it back')
  addRecoverCommand(ledger)
  addInitCommand(ledger)
  ledger
    .command('export <folder>')
    .description('copy the ledger up to its published checkpoint into a folder, or bring a copy up to date')
    .option('--origin <url>', 'the ledger to copy, instead of the one on this machine')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .addHelpText('after', EXPORT_HELP)
    .action(runExport)
  ledger
    .command('import <source> <folder>')
    .description('take in a copy of a ledger from a folder or a mirror, verified, as an export of its own')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .addHelpText('after', IMPORT_HELP)
    .action(runImport)
}

async function runExport(folder: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<CopyOptions>()
  const context = contextOf(options)
  const { onProgress, stop } = steps(context)
  const asked = { origin: context.origin(), folder, trust: trustOf(options), onProgress }
  const summary = await exportLedger(asked).finally(stop)
  const { entries, files } = summary
  context.terminal.data(`${entries} entries in ${folder}, verified; ${files} files fetched now`, { folder, ...summary })
}

async function runImport(from: string, folder: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<CopyOptions>()
  const context = contextOf(options)
  const given = trustOf(options)
  const source = await exportedLedger(from)
  const { onProgress, stop } = steps(context)
  const trust = given ?? pinnedTrust(source.note)
  const verdict = await importLedger({ source, folder, trust, onProgress }).finally(stop)
  if (!verdict.ok) return tellFault(context, verdict.fault)
  context.terminal.data(`${source.size} entries in ${folder}, verified`, { folder, entries: source.size })
}

// One bar after the other: each step has its own total and pace.
function steps({ terminal }: Context) {
  let shown: { step: string; progress: Progress } | null = null
  const onProgress = (step: string, done: number, total: number) => {
    if (shown?.step !== step) {
      shown?.progress.stop()
      shown = { step, progress: startProgress(terminal, step, total) }
    }
    shown.progress.update(done, total)
  }
  return { onProgress, stop: () => shown?.progress.stop() }
}
