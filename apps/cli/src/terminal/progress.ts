// Progress of anything that takes over a second: a bar for a person, a plain line every two seconds for a log.
import { Presets, SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.js'

export type Progress = {
  /** Sets how much is done, and optionally how much there is. */
  update(done: number, total?: number, detail?: string): void
  stop(): void
}

const PLAIN_INTERVAL_MS = 2_000

/** Starts to show progress under a title. `total` 0 means unknown yet. */
export function startProgress(terminal: Terminal, title: string, total: number): Progress {
  return terminal.isInteractive ? bar(title, total) : plainLines(terminal, title, total)
}

function bar(title: string, total: number): Progress {
  const format = `  ${title} {bar} {percentage}% {value}/{total} {detail}`
  const single = new SingleBar({ format, stream: process.stderr, hideCursor: true, barsize: 28 }, Presets.rect)
  single.start(total, 0, { detail: '' })
  return {
    update: (done, newTotal, detail) => {
      if (newTotal !== undefined) single.setTotal(newTotal)
      single.update(done, detail === undefined ? {} : { detail })
    },
    stop: () => single.stop(),
  }
}

function plainLines(terminal: Terminal, title: string, total: number): Progress {
  let shownAt = performance.now()
  let [latestDone, latestTotal, isShown] = [0, total, true]
  const show = () => {
    shownAt = performance.now()
    isShown = true
    terminal.note(`${title}: ${latestDone}${latestTotal ? ` of ${latestTotal}` : ''}`)
  }
  return {
    update: (done, newTotal) => {
      isShown = isShown && done === latestDone
      latestDone = done
      latestTotal = newTotal ?? latestTotal
      if (performance.now() - shownAt >= PLAIN_INTERVAL_MS) show()
    },
    stop: () => {
      if (!isShown) show()
    },
  }
}
