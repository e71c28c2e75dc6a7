// The part that every kind of `up` shares: start, load, link the demo's people, say that it is ready.
import { isPortFree, PACKED, type CaresealStack, type StackOptions } from '@careseal/stack'
import { usableDataDir, type Context } from '../context.js'
import { EXIT } from '../exit.js'
import type { ImportSummary } from '../import/importer.js'
import { progressDetail } from '../import/report.js'
import type { Terminal } from '../terminal/terminal.js'
import type { Interruption } from './interruption.js'
import { prepareStart } from './ledger-tasks.js'
import { removeReady } from './ready.js'
import { loadSample, missingSample, sampleSources, type Sample } from './sample-data.js'
import { runSteps, type StepTask } from './steps.js'
import type { UpOptions } from './up.command.js'

export type StartedLedger = { stack: CaresealStack; imported: ImportSummary | null; stop: () => Promise<void> }

export type StartKind = {
  interruption: Interruption
  /** Steps after those of the start. */
  more?: (stack: () => CaresealStack) => StepTask[]
}

/** Starts it all, with progress. On a failure or a signal nothing is left running; a signal ends the process. */
export async function startLedger(
  context: Context,
  options: UpOptions,
  { interruption, more = () => [] }: StartKind,
): Promise<StartedLedger> {
  // Wrong input is told before anything starts.
  const sample = options.data !== undefined || options.demo ? sampleSources(options.data) : null
  const start = prepareStart({ ...(await stackOptions(context, options)), signal: interruption.signal })
  const loading = sample && loadingOf(sample, start.stack)
  const steps = [...start.tasks, ...(loading ? [loading.step] : []), ...more(start.stack)]
  await runOrStop(context.terminal, steps, { interruption, stop: start.stop })
  if (sample?.skipped) context.terminal.note(`${sample.skipped} files are skipped: their names do not end in .json`)
  const stack = start.stack()
  const stop = async () => {
    try {
      removeReady(stack.dataDir)
    } finally {
      await start.stop()
    }
  }
  return { stack, imported: loading?.imported() ?? null, stop }
}

/** Two of them have to co-sign. */
const WITNESSES = 3

async function stackOptions(context: Context, { port, demo }: UpOptions): Promise<StackOptions> {
  return {
    parts: 'native',
    dataDir: usableDataDir(context.dataDirPath).root,
    port: await publicPort(context, port),
    demo,
    witnesses: WITNESSES,
    programs: PACKED,
  }
}

const USUAL_PORT = 8080

// A port that was asked for is taken or refused; the usual one is only a habit.
async function publicPort({ terminal }: Context, asked: number | undefined): Promise<number | undefined> {
  if (asked !== undefined) return asked || undefined
  if (await isPortFree(USUAL_PORT)) return USUAL_PORT
  terminal.note(`port ${USUAL_PORT} is taken: another is chosen`)
  return undefined
}

function loadingOf(sample: Sample, startedStack: () => CaresealStack) {
  let imported: ImportSummary | null = null
  const run: StepTask['run'] = async (detail) => {
    const stack = startedStack()
    const sources = sample.isFolder ? sample.sources : missingSample(stack.dataDir, sample.sources)
    if (sources === null) return
    imported = await loadSample(stack, {
      sources,
      onProgress: (done) => detail(`${done.files} of ${sources.length}, ${progressDetail(done)}`),
    })
  }
  const title = sample.isFolder ? 'Import the folder’s bundles' : 'Load made-up patients'
  return { step: { title, run }, imported: () => imported }
}

type Ending = { interruption: Interruption; stop: () => Promise<void> }

async function runOrStop(terminal: Terminal, steps: StepTask[], { interruption, stop }: Ending): Promise<void> {
  try {
    await runSteps(terminal, steps, interruption.asked)
  } catch (error) {
    const isAsked = interruption.signal.aborted
    if (isAsked) terminal.note('stopping …; Ctrl-C again ends at once')
    await stop()
    if (!isAsked) throw error
    terminal.note('stopped before it was ready; nothing is left running. npm start goes on from here.')
    // What was given up may still wait for answers that nobody will give.
    process.exit(EXIT.interrupted)
  }
}
