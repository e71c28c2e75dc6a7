// The outside consumers of a stack: one file in its data folder, which the broker's users, the services' answers and the
// command line are made of. It holds public keys alone.
import { ConsumerList, type ConsumerGrant } from '@careseal/contracts'
import type { DataDir } from './data-dir.js'

const FILE = 'consumers.json'

/** Where the list lies; it need not be there. */
export function consumersFile(dataDir: DataDir): string {
  return dataDir.path(FILE)
}

/** All outside consumers. Throws for a list that is none. */
export function consumersOf(dataDir: DataDir): ConsumerGrant[] {
  const list = dataDir.readJson<unknown>(FILE)
  return list === null ? [] : ConsumerList.parse(list).consumers
}

/** Replaces the list; a running stack takes it up by itself. */
export function writeConsumers(dataDir: DataDir, consumers: readonly ConsumerGrant[]): void {
  dataDir.writeJson(FILE, ConsumerList.parse({ v: 1, consumers }))
}
