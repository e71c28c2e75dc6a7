// An event type over time: one frozen schema per version, and pure steps that lift old data to what readers know today.
import type { z } from 'zod'

/** `upcasters[n]` makes data of version n into data of version n + 1; there is one for each version but the newest. */
export type EventVersions = {
  readonly schemas: { readonly [version: number]: z.ZodType }
  readonly upcasters: { readonly [version: number]: (data: never) => unknown }
}

/** A newer program wrote this event: its type or version is not known here. Update the contracts, then read it again. */
export class UnknownEventVersion extends Error {
  readonly code = 'unknown-event-version'

  constructor(
    readonly type: string,
    readonly schemaVersion: number,
  ) {
    super(`${type} version ${schemaVersion} is newer than these contracts; update @careseal/contracts`)
    this.name = 'UnknownEventVersion'
  }
}

/** The versions of a type, oldest first. */
export function versionNumbers({ schemas }: EventVersions): number[] {
  return Object.keys(schemas)
    .map(Number)
    .toSorted((a, b) => a - b)
}

/** The newest version of a type. */
export function latestVersion(versions: EventVersions): number {
  return versionNumbers(versions).at(-1) ?? 0
}

/** Data as the newest version has it. Throws a ZodError for data that breaks its own version, or UnknownEventVersion. */
export function upcast(
  versions: EventVersions,
  given: { type: string; schemaVersion: number; data: unknown },
): { schemaVersion: number; data: unknown } {
  const schema = versions.schemas[given.schemaVersion]
  if (schema === undefined) throw new UnknownEventVersion(given.type, given.schemaVersion)
  let data: unknown = schema.parse(given.data)
  let version = given.schemaVersion
  // Runs for every event that is read: versions have no gaps, so the newest is the one without a next.
  for (let next = versions.schemas[version + 1]; next !== undefined; next = versions.schemas[version + 1]) {
    const lift = versions.upcasters[version]
    if (lift === undefined) throw new RangeError(`${given.type} has no upcaster from version ${version}`)
    data = next.parse(lift(data as never))
    version++
  }
  return { schemaVersion: version, data }
}
