// The part that every kind of `up` shares: start, load, link the demo's people, say that it is ready.
import { isPortFree, PACKED, type CaresealStack } from '@careseal/stack'
import { usableDataDir, type Context } from '../context.js'
import type { ImportSummary } from '../import/importer.js'
import { prepareStart } from './ledger-tasks.js'
import { removeReady } from './ready.js'
import { isWithoutSample, loadSample, sampleSources } from './sample-data.js'
import { runSteps, type StepTask } from './steps.js'
import type { UpOptions } from './up.command.js'

export type StartedLedger = { stack: CaresealStack; imported: ImportSummary | null; stop: () => Promise<void> }

/** Starts it all, with progress. On a failure or a signal nothing is left running. */
export async function startLedger(
  context: Context,
  options: UpOptions,
  more: (stack: () => CaresealStack) => StepTask[] = () => [],
): Promise<StartedLedger> {
  // Wrong input is told before anything starts.
  const sample = options.data !== undefined || options.demo ? sampleSources(options.data) : null
  const start = prepareStart({
    parts: 'native',
    dataDir: usableDataDir(context.dataDirPath).root,
    port: await publicPort(context, options.port),
    demo: options.demo,
    witnesses: WITNESSES,
    programs: PACKED,
  })
  let imported = null as ImportSummary | null
  const load: StepTask = {
    title: options.data === undefined ? 'Load made-up patients' : 'Import the folder’s bundles',
    run: async (detail) => {
      const stack = start.stack()
      const isGoingOn = options.data === undefined && !isWithoutSample(stack.dataDir)
      if (!sample || isGoingOn) return
      imported = await loadSample(stack, {
        sources: sample.sources,
        onProgress: ({ files, resources }) => detail(`${files} of ${sample.sources.length}, ${resources} resources`),
      })
    },
  }
  const release = stopOnSignal(start.stop)
  try {
    await runSteps(context.terminal, [...start.tasks, ...(sample ? [load] : []), ...more(start.stack)])
  } catch (error) {
    await start.stop()
    throw error
  } finally {
    release()
  }
  const stack = start.stack()
  if (sample?.skipped) context.terminal.note(`${sample.skipped} files are skipped: their names do not end in .json`)
  const stop = async () => {
    removeReady(stack.dataDir)
    await start.stop()
  }
  return { stack, imported, stop }
}

const USUAL_PORT = 8080
/** Two of them have to co-sign. */
const WITNESSES = 3

// A port that was asked for is taken or refused; the usual one is only a habit.
async function publicPort({ terminal }: Context, asked: number | undefined): Promise<number | undefined> {
  if (asked !== undefined) return asked || undefined
  if (await isPortFree(USUAL_PORT)) return USUAL_PORT
  terminal.note(`port ${USUAL_PORT} is taken: another is chosen`)
  return undefined
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const EXIT_SIGNAL = 130

/** Until it is released, a signal stops what has started and ends the process. A second Ctrl-C does not wait. */
function stopOnSignal(stop: () => Promise<void>): () => void {
  let isStopping = false
  const onSignal = () => {
    if (isStopping) process.exit(EXIT_SIGNAL)
    isStopping = true
    process.stderr.write('\nstopping …\n')
    void stop().finally(() => process.exit(EXIT_SIGNAL))
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

/** Resolves at the first signal that asks to end. */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve(signal))
  })
}
