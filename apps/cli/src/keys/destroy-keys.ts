// Has every service destroy its keys of one subject, one after the other. Each asks the signer first, so whatever
// happens in between, a repeat goes on where it was.
import { PRODUCERS, type Producer } from '@careseal/contracts'
import { request, type NatsConnection } from '@careseal/messaging'
import { failureCodeOf } from '../failure-code.js'

export type Destroyed = { service: Producer } & ({ keys: number } | { failed: string })

const DEADLINE_MS = 20_000

/** Asks all services, also after one has failed; `onDone` hears of each. */
export async function destroyKeys(
  nc: NatsConnection,
  subjectId: string,
  onDone: (done: number) => void,
): Promise<Destroyed[]> {
  const destroyed: Destroyed[] = []
  for (const service of PRODUCERS) {
    destroyed.push(await destroyIn(nc, service, subjectId))
    onDone(destroyed.length)
  }
  return destroyed
}

async function destroyIn(nc: NatsConnection, service: Producer, subjectId: string): Promise<Destroyed> {
  const asked = { subjectIds: [subjectId] }
  try {
    const { keys } = await request(nc, service, 'destroy-subject-keys', asked, { deadlineMs: DEADLINE_MS })
    return { service, keys }
  } catch (error) {
    return { service, failed: failureCodeOf(error) }
  }
}
