import { setTimeout as sleep } from 'node:timers/promises'

/** Waits, but no longer than until the signal fires. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined)
}

/** Exponential back-off with jitter over its upper half, so that readers do not come back in step. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20))
  return full / 2 + Math.random() * (full / 2)
}
