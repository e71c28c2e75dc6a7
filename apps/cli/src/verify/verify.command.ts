import type { Command } from 'commander'
import { verifyLedger, type LedgerVerdict } from '@careseal/ledger-core'
import { contextOf, type Context, type GlobalOptions } from '../context.js'
import { EXIT } from '../exit.js'
import { startProgress } from '../terminal/progress.js'
import { exportedCheckpoint, exportedEntries } from './export-files.js'
import { PRIMITIVES } from './primitives.js'
import { trustOf, type TrustOptions } from './trust-options.js'
import { describeFault, sizeOf, verifyOnline } from './verify-ledger.js'

type VerifyOptions = GlobalOptions & TrustOptions & { export?: string }

const EXAMPLES = `
Examples:
  careseal verify                                   the ledger on this machine
  careseal verify --origin https://ledger.example --policy policy.txt
  careseal verify --export ./mirror --vkey log.vkey

Without --vkey or --policy the keys that the genesis names are believed: that proves the ledger whole,
not that it is the one that others see.`

export function addVerifyCommand(program: Command, collect: (value: string, before: string[]) => string[]): void {
  program
    .command('verify')
    .description('check every entry, link, block, root and signature of a ledger; exit 3 names the first fault')
    .option('--origin <url>', 'the ledger to check, instead of the one on this machine')
    .option('--export <dir>', 'check an export (C2SP tiles in a folder) instead, offline')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .addHelpText('after', EXAMPLES)
    .action(runVerify)
}

async function runVerify(_options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<VerifyOptions>()
  const context = contextOf(options)
  const trust = trustOf(options)
  const progress = startProgress(context.terminal, 'entries verified', 0)
  const onProgress = (done: number, total: number) => progress.update(done, total)
  const verdict = await (
    options.export === undefined
      ? verifyOnline({ origin: context.origin(), trust, onProgress })
      : verifyExport(options.export, { trust, onProgress })
  ).finally(() => progress.stop())
  reportVerdict(context, verdict)
}

type Under = { trust: ReturnType<typeof trustOf>; onProgress: (done: number, total: number) => void }

async function verifyExport(folder: string, { trust, onProgress }: Under): Promise<LedgerVerdict> {
  const note = exportedCheckpoint(folder)
  const size = sizeOf(note)
  return verifyLedger(
    { entries: exportedEntries(folder, size), checkpoint: note },
    {
      ...PRIMITIVES,
      ...(trust ? { trust } : {}),
      onBlock: ({ firstIndex, count }) => onProgress(firstIndex + count + 1, size),
    },
  )
}

/** Says what was found; a fault sets exit code 3. */
export function reportVerdict({ terminal }: Context, verdict: LedgerVerdict): boolean {
  const { green, red } = terminal.colors
  if (verdict.ok) {
    const { treeSize, height } = verdict.state
    const signed = verdict.checkpoint?.size ?? 0
    const cosigned = verdict.checkpoint?.cosignatures.length ?? 0
    terminal.data(
      `${green('verified')}: ${treeSize} entries in ${height + 1} blocks, ${verdict.leaves} events; checkpoint ${signed} signed, ${cosigned} cosignatures`,
      {
        ok: true,
        entries: treeSize,
        blocks: height + 1,
        events: verdict.leaves,
        checkpoint: signed,
        cosignatures: cosigned,
      },
    )
    return true
  }
  terminal.data(`${red('NOT verified')}: ${describeFault(verdict.fault)}`, { ok: false, fault: verdict.fault })
  process.exitCode = EXIT.verification
  return false
}
