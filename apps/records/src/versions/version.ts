/** A resource's present state, as far as it is readable without a key. */
export type ResourceHead = {
  type: string
  id: string
  ordinal: string
  versionId: string
  versionNo: number
  deleted: boolean
  patientIds: string[]
}

/** One stored version. A deletion has neither key nor ciphertext. */
export type StoredVersion = {
  type: string
  id: string
  versionNo: number
  versionId: string
  interaction: 'create' | 'update' | 'delete'
  subjectId: string
  keyId: string | null
  schema: number
  ciphertext: Buffer | null
  patientIds: string[]
  eventId: string
  recordedAt: Date
}

/** Where a version is found by others: `Type/id/_history/vid`. */
export function versionUrl({ type, id, versionId }: { type: string; id: string; versionId: string }): string {
  return `${type}/${id}/_history/${versionId}`
}

/** The weak entity tag of a version. */
export function etagOf(versionId: string): string {
  return `W/"${versionId}"`
}

/** The weak form of what If-Match says; undefined for `*`, which every version matches. */
export function ifMatchTag(given: string): string | undefined {
  const tag = given.trim()
  return tag === '*' ? undefined : `W/${tag.replace(/^W\//, '')}`
}
