import type { Context } from '../context.js'
import { EXIT } from '../exit.js'
import { reportImport } from '../import/report.js'
import { showGrowth } from './growing-ledger.js'
import { readyBox, readyOf, writeReady } from './ready.js'
import { startLedger, untilSignal } from './start-ledger.js'
import type { UpOptions } from './up.command.js'

/** Runs the ledger until Ctrl-C. Also what a detached start runs, with its output in a log. */
export async function runForeground(context: Context, options: UpOptions): Promise<void> {
  const { terminal } = context
  const { stack, imported, stop } = await startLedger(context, options)
  const asked = untilSignal()
  const ready = await readyOf(stack)
  writeReady(stack.dataDir, ready)
  if (imported) reportImport(terminal, imported)
  if (terminal.isJson) process.stdout.write(`${JSON.stringify(ready)}\n`)
  else terminal.note(readyBox(terminal.noteColors, ready))
  const growth = showGrowth(terminal, ready.origin)
  await asked
  growth.stop()
  terminal.note('stopping …')
  await stop()
  terminal.note('stopped; nothing is left running. npm start goes on from here.')
  process.exitCode = imported?.refusals.length ? EXIT.failure : EXIT.ok
}
