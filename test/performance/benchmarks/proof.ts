// An inclusion proof out of the stored tiles of a ledger, and the check of it by whoever gets it.
import { HostProcess } from '../hosts/child-host.js'
import type { ProofsReport, SequencerReport, SequencerRun } from '../hosts/sequencer.host.js'
import { Observation } from '../measuring/observation.js'
import type { Roots } from '../measuring/processes.js'
import { distributionOf } from '../measuring/statistics.js'
import type { Benchmark } from '../result.js'

const BUILT_MS_MAX = 0.5
const CHECKED_MS_MAX = 0.2
const PROOFS = 5_000

export const benchmark: Benchmark = {
  name: 'proof',
  title: 'inclusion proofs, built and checked',
  async run(context) {
    const onNote = (text: unknown) => context.progress(String(text))
    const host = new HostProcess('sequencer.host.ts', { profileDir: context.profileDir, onNote })
    context.onEnd(() => host.stop())
    const { roots } = await host.call<{ roots: Roots }>('start')
    const entries = context.full ? 1_000_000 : 200_000
    const run: SequencerRun = { entries, durationMsMin: 0, durationMsMax: 120_000, seed: context.seed }
    await host.call<SequencerReport>('run', run)
    const observation = new Observation(context, roots)
    const { size, builtMs, checkedMs } = await host.call<ProofsReport>('proofs', PROOFS)
    const measured = await observation.stop()
    const [built, checked] = [distributionOf(builtMs), distributionOf(checkedMs)]
    return {
      parameters: { entries: size, proofs: PROOFS },
      measures: [
        { name: 'inclusion proof built, p50', unit: 'ms', value: built.p50, target: BUILT_MS_MAX, atMost: true },
        { name: 'inclusion proof checked, p50', unit: 'ms', value: checked.p50, target: CHECKED_MS_MAX, atMost: true },
      ],
      latencies: { 'proof built': built, 'proof checked': checked },
      comparisons: [],
      ...measured,
    }
  },
}
