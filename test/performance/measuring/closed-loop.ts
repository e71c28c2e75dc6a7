// So many clients that each begin anew as soon as they were answered. Latencies count after the warm-up alone.
import { distributionOf, ratePerSecond, type Distribution } from './statistics.js'

export type LoopOptions = {
  clients: number
  warmUpMs: number
  durationMs: number
  /** One request; rejects for an answer that is not the one expected, and that ends the run. */
  once: (turn: number) => Promise<unknown>
  /** When the warm-up is over. */
  onMeasuring?: () => void
  onProgress?: (done: number) => void
}

export type LoopResult = { count: number; perSecond: number; latency: Distribution }

export async function closedLoop(options: LoopOptions): Promise<LoopResult> {
  const begin = performance.now() + options.warmUpMs
  const end = begin + options.durationMs
  const latencies: number[] = []
  const shared = { turn: 0, measuring: false }
  const startMeasuring = () => {
    shared.measuring = true
    options.onMeasuring?.()
  }
  const client = async () => {
    for (let started = performance.now(); started < end; started = performance.now()) {
      if (!shared.measuring && started >= begin) startMeasuring()
      await options.once(shared.turn++)
      const ended = performance.now()
      if (started < begin) continue
      latencies.push(ended - started)
      if (latencies.length % 200 === 0) options.onProgress?.(latencies.length)
    }
  }
  await Promise.all(Array.from({ length: options.clients }, client))
  const { length: count } = latencies
  return { count, perSecond: ratePerSecond(count, performance.now() - begin), latency: distributionOf(latencies) }
}
