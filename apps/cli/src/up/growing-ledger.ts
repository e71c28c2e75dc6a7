// One line that grows while the ledger does: its signed size, asked for once a second.
import { sizeOf } from '../verify/verify-ledger.js'
import type { Terminal } from '../terminal/terminal.js'

const INTERVAL_MS = 1_000

/** Shows the ledger's size on a terminal until it is stopped; without a terminal it shows nothing. */
export function showGrowth(terminal: Terminal, origin: string): { stop(): void } {
  if (!terminal.isInteractive) return { stop: () => {} }
  let first: number | null = null
  const show = async () => {
    const note = await fetch(`${origin}/ledger/checkpoint`, { signal: AbortSignal.timeout(INTERVAL_MS) })
      .then((response) => (response.ok ? response.text() : null))
      .catch(() => null)
    if (note === null) return
    const size = sizeOf(note)
    first ??= size
    const grown = size > first ? `, ${(size - first).toLocaleString('en')} since the start` : ''
    const { green, dim } = terminal.colors
    process.stderr.write(
      `\r\u001B[K${green('●')} ledger: ${size.toLocaleString('en')} entries signed${grown} ${dim('· Ctrl-C stops')}`,
    )
  }
  const timer = setInterval(() => void show(), INTERVAL_MS)
  void show()
  return {
    stop: () => {
      clearInterval(timer)
      process.stderr.write('\n')
    },
  }
}
