import { VersionConflict } from './event.js'

const DEADLOCK = '40P01'
const SERIALIZATION_FAILURE = '40001'

/**
 * Load, decide and append once more when somebody else was faster, or when Postgres chose this transaction as a
 * deadlock's victim. `attempt` must run a whole transaction of its own.
 */
export async function retryOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (!isConflict(error)) throw error
    return attempt()
  }
}

function isConflict(error: unknown): boolean {
  if (error instanceof VersionConflict) return true
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === DEADLOCK || code === SERIALIZATION_FAILURE
}
