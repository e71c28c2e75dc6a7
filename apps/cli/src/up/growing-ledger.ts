// One line that grows while the ledger does: how far it is co-signed, by whom and how long ago, asked for once a second.
import { cosignedText, publicationOf } from '../terminal/cosigned.js'
import type { Terminal } from '../terminal/terminal.js'

const INTERVAL_MS = 1_000

/** Shows the ledger's size on a terminal until it is stopped; without a terminal it shows nothing. */
export function showGrowth(terminal: Terminal, origin: string): { stop(): void } {
  if (!terminal.isInteractive) return { stop: () => {} }
  let first: number | null = null
  const show = async () => {
    const publication = await publicationOf(origin, INTERVAL_MS)
    if (publication === null) return
    const size = publication.publishedSize
    first ??= size
    const grown = size > first ? `, ${(size - first).toLocaleString('en')} since the start` : ''
    const { green, dim } = terminal.noteColors
    process.stderr.write(
      `\r\u001B[K${green('●')} ledger: ${cosignedText(publication, Date.now())}${grown} ${dim('· Ctrl-C stops')}`,
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
