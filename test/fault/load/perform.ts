// One client draws an operation, brings it to an end, and writes down what it was told.
import type { SeededRandom } from '@careseal/synthetic'
import type { Client, Operation } from './client.js'
import { changeGrant } from './operations/grants.js'
import { foreignRead, foreignSearch, foreignWrite } from './operations/foreign.js'
import { blocks, checkpoint } from './operations/ledger.js'
import { historyOf, readOne, search, vread } from './operations/reads.js'
import { create, createBundle, createTwice, openAccount, remove, update } from './operations/writes.js'

const MIX: readonly (readonly [weight: number, operation: Operation])[] = [
  [20, create],
  [5, createBundle],
  [4, createTwice],
  [10, update],
  [3, remove],
  [1, openAccount],
  [8, changeGrant],
  [20, readOne],
  [6, vread],
  [3, historyOf],
  [4, search],
  [4, foreignRead],
  [1, foreignSearch],
  [2, foreignWrite],
  [5, checkpoint],
  [4, blocks],
]
const WEIGHTS = MIX.reduce((sum, [weight]) => sum + weight, 0)

/** Performs one operation. */
export async function perform(client: Client): Promise<void> {
  const operation = draw(client.random)
  const startedAt = performance.now()
  const done = await operation(client)
  if (done) client.history.append({ client: client.number, startedAt, endedAt: performance.now(), ...done })
}

function draw(random: SeededRandom): Operation {
  let left = random.next() * WEIGHTS
  for (const [weight, operation] of MIX) {
    left -= weight
    if (left < 0) return operation
  }
  return create
}
