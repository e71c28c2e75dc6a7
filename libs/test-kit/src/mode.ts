// Where NATS and Postgres of a stack run, and why there: in words that a developer can act on.
import { findContainerImages, ContainersUnavailable } from '@careseal/stack'
import { TestKitError } from './failures.js'
import type { StackMode } from './options.js'

export type ChosenMode = { mode: 'docker' | 'native'; reason: string }

/** What `auto` means on a machine whose developer knows better. */
const VARIABLE = 'CARESEAL_TEST_KIT_MODE'

/** Decides for `auto` without pulling anything; `docker` pulls missing images, and throws where it cannot be. */
export async function chooseMode(option: StackMode): Promise<ChosenMode> {
  const named = option === 'auto' ? namedMode() : null
  const asked = named ?? option
  const why = named === null ? 'asked for' : `${VARIABLE} says so`
  if (asked === 'native') return { mode: 'native', reason: why }
  try {
    const images = await findContainerImages({ pull: asked === 'docker' })
    const reason = asked === 'docker' ? why : `a container engine answers and has ${images.join(' and ')}`
    return { mode: 'docker', reason }
  } catch (error) {
    if (!(error instanceof ContainersUnavailable)) throw error
    if (asked === 'auto') return { mode: 'native', reason: error.message }
    const mend = `${error.mend}, or take mode: 'native'`
    throw new TestKitError('docker-unavailable', `mode docker: ${error.message}: ${mend}`, { cause: error })
  }
}

function namedMode(): StackMode | null {
  const named = process.env[VARIABLE]
  if (!named) return null
  if (named === 'auto' || named === 'docker' || named === 'native') return named
  throw new TestKitError('bad-option', `${VARIABLE}: "${named}" is none of auto, docker, native`)
}
