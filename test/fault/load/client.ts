// What one client is to its operations, and how an operation tells what became of it.
import type { SeededRandom } from '@careseal/synthetic'
import type { Entry, History, OperationName } from './history.js'
import type { Exchange, Requests } from './requests.js'
import type { World, WorldPatient } from './world.js'

/** What an operation draws from and acts through. */
export type Client = {
  number: number
  world: World
  random: SeededRandom
  requests: Requests
  history: History
  /** The patients whose consents this client alone changes. */
  own: readonly WorldPatient[]
  /** A fresh idempotency key. */
  newKey: () => string
}

/** What became of an operation; its times are the client's to add. */
export type Done = Omit<Entry, 'n' | 'client' | 'startedAt' | 'endedAt'>

/** Resolves to null when there is nothing for it to act on. */
export type Operation = (client: Client) => Promise<Done | null>

/** An entry of the history from the exchange that ended the operation. */
export function doneOf(
  operation: OperationName,
  patientIndex: number | null,
  { answer, outcome, attempts, unexpected }: Exchange,
): Done {
  const status = answer?.status ?? null
  return { operation, patientIndex, outcome, status, attempts, ...(unexpected === undefined ? {} : { unexpected }) }
}
