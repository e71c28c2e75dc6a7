import type { Context } from '../context.js'
import { EXIT } from '../exit.js'
import { reportImport } from '../import/report.js'
import { isDetached } from './detach.js'
import { showGrowth } from './growing-ledger.js'
import { listenForSignals, type Interruption } from './interruption.js'
import { readyBox, readyOf, writeReady } from './ready.js'
import { startLedger, type StartedLedger } from './start-ledger.js'
import type { UpOptions } from './up.command.js'

/** Runs the ledger until Ctrl-C. Also what a detached start runs, with its output in a log. */
export async function runForeground(context: Context, options: UpOptions): Promise<void> {
  const { terminal } = context
  const interruption = listenForSignals()
  const ledger = await startLedger(context, options, { interruption })
  try {
    await showUntilAsked(context, ledger, interruption)
  } finally {
    terminal.note('stopping …; Ctrl-C again ends at once')
    await ledger.stop()
  }
  terminal.note('stopped; nothing is left running. npm start goes on from here.')
  process.exitCode = ledger.imported?.refusals.length ? EXIT.failure : EXIT.ok
}

async function showUntilAsked({ terminal }: Context, ledger: StartedLedger, { asked }: Interruption): Promise<void> {
  const { stack, imported } = ledger
  const ready = await readyOf(stack, imported)
  writeReady(stack.dataDir, ready)
  // Names of files are for a terminal, and there the command shows them that waits for this one.
  if (imported && !isDetached()) reportImport(terminal, imported)
  if (terminal.isJson) process.stdout.write(`${JSON.stringify(ready)}\n`)
  else terminal.note(readyBox(terminal.noteColors, ready))
  const growth = showGrowth(terminal, ready.origin)
  await asked
  growth.stop()
}
