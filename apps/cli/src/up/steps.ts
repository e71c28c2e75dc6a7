// The steps of a start as a person sees them: a live list on a terminal, plain lines elsewhere; both on stderr.
import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { Terminal } from '../terminal/terminal.js'

/** A step of a start. `detail` shows what it is doing now. */
export type StepTask = { title: string; run: (detail: (text: string) => void) => Promise<void> }

/** Runs the steps one after the other; the first failure ends it and is thrown, and so does `asked` once it resolves. */
export async function runSteps(terminal: Terminal, tasks: readonly StepTask[], asked: Promise<void>): Promise<void> {
  const steps = tasks.map((task) => untilAsked(task, asked))
  if (terminal.isInteractive) await runLive(steps)
  else await runPlain(terminal, steps)
}

// Nothing waits for a step that was given up; the live list gives the terminal back at once.
function untilAsked({ title, run }: StepTask, asked: Promise<void>): StepTask {
  const givenUp = async () => {
    await asked
    throw new Error(`${title}: given up`)
  }
  return { title, run: (detail) => Promise.race([run(detail), givenUp()]) }
}

async function runLive(tasks: readonly StepTask[]): Promise<void> {
  const processOutput = new ProcessOutput(process.stderr, process.stderr, { leaveEmptyLine: false })
  const listed = tasks.map(({ title, run }) => ({
    title,
    task: (_context: unknown, task: { title: string }) =>
      run((text) => {
        task.title = `${title} · ${text}`
      }),
  }))
  const live = new Listr(listed, {
    renderer: 'default',
    // Whether a person is looking was decided already, by stderr.
    fallbackRendererCondition: false,
    registerSignalListeners: false,
    rendererOptions: { logger: new ListrLogger({ processOutput }) },
  })
  await live.run()
}

async function runPlain(terminal: Terminal, tasks: readonly StepTask[]): Promise<void> {
  for (const { title, run } of tasks) {
    const startedAt = performance.now()
    await run(throttled((text) => terminal.note(`… ${title}: ${text}`)))
    terminal.note(`✓ ${title} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  }
}

const DETAIL_INTERVAL_MS = 2_000

function throttled(show: (text: string) => void): (text: string) => void {
  let shownAt = performance.now()
  return (text) => {
    if (performance.now() - shownAt < DETAIL_INTERVAL_MS) return
    shownAt = performance.now()
    show(text)
  }
}
