// What a fault is: something that is done to a running ledger under load, and undone before it resolves.
import type { CaresealStack } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import type { Namespaces } from '../surroundings/namespaces.js'
import type { Proxies } from '../surroundings/proxies.js'
import type { SmallDisk } from '../surroundings/small-disk.js'
import type { FaultKind } from './kinds.js'

/** A test bed: a ledger that can be hurt, with the load on it. */
export type Bed = {
  readonly stack: CaresealStack
  readonly load: RunningLoad
  readonly namespaces: Namespaces | null
  readonly proxies: Proxies | null
  readonly signerDisk: SmallDisk | null
  /** As the superuser, on a connection of its own. */
  sql<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Waits for clients to end what they began, does `work`, and lets them go on. */
  withoutLoad<T>(work: () => Promise<T>): Promise<T>
  /** Makes a producer write an event soon, where the load alone would take long. */
  provoke(producer: string): Promise<void>
  /** The data folder of the ledger. */
  readonly folder: string
  /** A patient of whom the load knows nothing; each is given once. */
  sparePatient(): { login: string; patientId: string }
  /** The status with which a patient is answered who reads their own record. */
  ownRecord(login: string, patientId: string): Promise<number>
  /** After a strike of this kind nothing was sealed for so long. */
  failedOver(kind: string, milliseconds: number): void
  /** Something that must not be was seen. */
  violated(invariant: string, what: string): void
}

export type RunningLoad = {
  readonly inFlight: number
  readonly acknowledged: number
  untilProgress(count: number): Promise<void>
}

export type Fault = {
  kind: FaultKind
  /** Faults on one target never happen at the same time; `all` goes with no other. */
  target: string
  strike(bed: Bed, random: SeededRandom): Promise<void>
}
