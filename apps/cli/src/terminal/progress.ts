// Progress of anything that takes over a second, with its rate and the time that is left: a bar for a person, a plain line
// every two seconds for a log.
import { Presets, SingleBar } from 'cli-progress'
import { PaceMeter, paceText } from './pace.js'
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
  const meter = new PaceMeter()
  const format = `  ${title} {bar} {percentage}% {value}/{total} {pace} {detail}`
  // Cursor and line wrapping stay as they are: a Ctrl-C ends us where nothing could give them back.
  const single = new SingleBar({ format, stream: process.stderr, linewrap: true, barsize: 28 }, Presets.rect)
  single.start(total, 0, { detail: '', pace: '' })
  let latestTotal = total
  return {
    update: (done, newTotal, detail) => {
      latestTotal = newTotal ?? latestTotal
      if (newTotal !== undefined) single.setTotal(newTotal)
      meter.take(done)
      const pace = paceText(meter.pace(latestTotal))
      single.update(done, { pace, ...(detail === undefined ? {} : { detail }) })
    },
    stop: () => single.stop(),
  }
}

function plainLines(terminal: Terminal, title: string, total: number): Progress {
  const meter = new PaceMeter()
  let shownAt = performance.now()
  let [latestDone, latestTotal, isShown] = [0, total, true]
  const show = () => {
    shownAt = performance.now()
    isShown = true
    const pace = paceText(meter.pace(latestTotal))
    terminal.note(`${title}: ${latestDone}${latestTotal ? ` of ${latestTotal}` : ''}${pace && ` (${pace})`}`)
  }
  return {
    update: (done, newTotal) => {
      isShown = isShown && done === latestDone
      latestDone = done
      meter.take(done)
      latestTotal = newTotal ?? latestTotal
      if (performance.now() - shownAt >= PLAIN_INTERVAL_MS) show()
    },
    stop: () => {
      if (!isShown) show()
    },
  }
}
