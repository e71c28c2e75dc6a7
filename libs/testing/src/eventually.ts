import { setTimeout as delay } from 'node:timers/promises'

/**
 * The result of the first `attempt` that does not throw, tried every `intervalMs` for at most `withinMs`; then the
 * last error is thrown. For specs that wait on another process; never for a race inside one.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { withinMs = 10_000, intervalMs = 50 }: { withinMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() >= deadline) throw error
    }
    await delay(intervalMs)
  }
}
