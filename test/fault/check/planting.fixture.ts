// How a fault is planted into a made world: where there is something to spoil.
import type { Entry } from '../load/history.js'
import type { MadeWorld } from './made-world.fixture.js'

export const first = (world: MadeWorld, operation: string): Entry =>
  world.entries.find((one) => one.operation === operation)!
export const last = (world: MadeWorld, operation: string): Entry =>
  world.entries.findLast((one) => one.operation === operation)!
export const eventOf = (world: MadeWorld, entry: Entry) => {
  const name = entry.answers![0]![0]!
  return { name, at: world.facts.writes.findIndex((one) => one.name === name) }
}
export const readsOf = (world: MadeWorld, operation: string, isShown: boolean) =>
  world.entries.filter(
    (one) => one.operation === operation && one.clinician === 0 && one.versions!.length > 0 === isShown,
  )

export function show(world: MadeWorld, read: Entry): void {
  const versions = [world.facts.versions[0]!.location]
  world.disclose(read.actorId!, read.operation.replace('foreign-', ''), versions)
  Object.assign(read, { outcome: 'ok', status: 200, versions })
}

export type Plant = [check: string, what: string, plant: (world: MadeWorld) => void]
