import { ProducerContradicts, Stopped } from '../failures.js'
import type { ConsumerStatus } from './consumer.js'
import { pause } from './pause.js'

const LOOK_MS = 50

export type Progress = {
  status: () => ConsumerStatus
  /** Whether the broker has nothing more for this consumer, and all that it gave is settled. */
  isDrained: () => Promise<boolean>
}

/** Resolves when the position is at or past every one of these numbers. */
export async function whenReached(
  { status, isDrained }: Progress,
  seqs: Readonly<Record<string, number>>,
  stopping: AbortSignal,
): Promise<void> {
  for (;;) {
    const { position, contradictions } = status()
    const missing = Object.keys(seqs).filter((producer) => (position[producer]?.seq ?? 0) < (seqs[producer] ?? 0))
    if (missing.length === 0) return
    // Of a producer that was never heard of since the start (from `stored`), the broker alone knows that all is settled.
    const areUnheard = missing.every((producer) => position[producer] === undefined)
    if (areUnheard && (await isDrained().catch(() => false))) return
    const frozen = missing.find((producer) => contradictions[producer] !== undefined)
    if (frozen !== undefined) throw new ProducerContradicts(frozen, 'it is read no further, see status()')
    if (stopping.aborted) throw new Stopped(missing)
    await pause(LOOK_MS, stopping)
  }
}
