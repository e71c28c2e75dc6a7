// What the clients know of one patient's records, and what they may choose from. Shared, so that they meet on records.
import type { SeededRandom } from '@careseal/synthetic'

export type KnownRecord = {
  /** `Type/id`. */
  resource: string
  /** Version ids as acknowledged, the oldest first; deletions are not told. */
  versions: string[]
  /** Kept records are never deleted, so that a search always finds some. */
  kept: boolean
  /** The login that wrote it; another member may not change it. */
  writer: string
  deleted: boolean
}

const RECENT = 40

/** Records of one patient that were acknowledged. */
export class KnownRecords {
  private readonly all: KnownRecord[] = []

  /** Learns of a version from its location, `Type/id/_history/vid`, in the order of answers. */
  learn(location: string, { kept = false, writer }: { kept?: boolean; writer: string }): void {
    const { resource, versionId } = partsOf(location)
    const known = this.all.find((one) => one.resource === resource)
    if (known) known.versions.push(versionId)
    else this.all.push({ resource, versions: [versionId], kept, writer, deleted: false })
  }

  /** Any record, rather a new one: on these, clients meet. */
  pick(random: SeededRandom): KnownRecord {
    return random.pick(random.chance(0.8) ? this.all.slice(-RECENT) : this.all)
  }

  /** A record that may be changed, if there is one among those drawn. */
  pickChangeable(random: SeededRandom): KnownRecord | undefined {
    const recent = this.all.slice(-RECENT).filter((one) => !one.deleted && !one.kept)
    return recent.length === 0 ? undefined : random.pick(recent)
  }
}

/** `…Type/id/_history/vid` of any base as its two halves. */
export function partsOf(location: string): { resource: string; versionId: string } {
  const [, resource, versionId] = /([A-Z][A-Za-z]+\/[^/]+)\/_history\/([^/]+)$/.exec(location) ?? []
  if (resource === undefined || versionId === undefined) throw new Error(`no location of a version: ${location}`)
  return { resource, versionId }
}

/** The same location without its base. */
export function withoutBase(location: string): string {
  const { resource, versionId } = partsOf(location)
  return `${resource}/_history/${versionId}`
}
