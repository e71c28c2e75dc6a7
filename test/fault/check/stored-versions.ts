// The stored versions by resource, for checks that ask what came after what.
import type { Entry } from '../load/history.js'
import type { Facts, VersionFact } from './facts.js'

export type StoredVersions = {
  at(location: string): VersionFact | undefined
  /** The version of a resource with this number. */
  numbered(resource: string, versionNo: number): VersionFact | undefined
  resources(): IterableIterator<[string, VersionFact[]]>
}

export function resourceOf(location: string): string {
  return location.split('/_history/')[0]!
}

export function storedVersions({ versions }: Pick<Facts, 'versions'>): StoredVersions {
  const byLocation = new Map(versions.map((one) => [one.location, one]))
  const byResource = Map.groupBy(versions, (one) => resourceOf(one.location))
  return {
    at: (location) => byLocation.get(location),
    numbered: (resource, versionNo) => byResource.get(resource)?.find((one) => one.versionNo === versionNo),
    resources: () => byResource.entries(),
  }
}

/** The version that an acknowledged deletion made: nobody is told its id, but it comes right after the one named. */
export function deletionOf({ resource = '', basedOn = '' }: Entry, versions: StoredVersions): VersionFact | undefined {
  const before = versions.at(`${resource}/_history/${basedOn}`)
  const next = before && versions.numbered(resource, before.versionNo + 1)
  return next?.interaction === 'delete' ? next : undefined
}

export const isAcknowledgedDeletion = ({ operation, outcome }: Entry): boolean =>
  operation === 'delete' && outcome === 'ok'
