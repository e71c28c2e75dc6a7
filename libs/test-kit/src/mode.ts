// Where NATS and Postgres of a stack run, and why there: in words that a developer can act on.
import { findContainerImages, ContainersUnavailable } from '@careseal/stack'
import { TestKitError } from './failures.js'
import type { StackMode } from './options.js'

export type ChosenMode = { mode: 'docker' | 'native'; reason: string }

/** Decides for `auto` without pulling anything; `docker` pulls missing images, and throws where it cannot be. */
export async function chooseMode(asked: StackMode): Promise<ChosenMode> {
  if (asked === 'native') return { mode: 'native', reason: 'asked for' }
  try {
    const images = await findContainerImages({ pull: asked === 'docker' })
    const reason = asked === 'docker' ? 'asked for' : `a container engine answers and has ${images.join(' and ')}`
    return { mode: 'docker', reason }
  } catch (error) {
    if (!(error instanceof ContainersUnavailable)) throw error
    if (asked === 'auto') return { mode: 'native', reason: error.message }
    const mend = `${error.mend}, or take mode: 'native'`
    throw new TestKitError('docker-unavailable', `mode docker: ${error.message}: ${mend}`, { cause: error })
  }
}
