// No audit, no data: what is about to leave is written as RecordRead, one per permit used, and committed before the
// first byte. Whoever calls this unwraps and sends only after COMMIT.
import type { Caller, EventData, PurposeOfUse } from '@careseal/contracts'
import type { EventStore, NewEvent } from '@careseal/event-store'
import { randomUUID } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { StoredVersion } from '../versions/version.js'
import { assertFresh, type Permit, type Permits } from './permit.js'

export type Disclosure = {
  caller: Caller
  purpose: PurposeOfUse
  interaction: EventData<'RecordRead'>['interaction']
  versions: readonly StoredVersion[]
  permits: Permits
  /** Events that belong to the same answer and are committed with it. */
  also?: readonly NewEvent[]
}

/** Appends the events of a disclosure and uses its permits up. Throws when a permit is missing, used or too old. */
export async function recordDisclosure(sql: ClientBase, store: EventStore, disclosure: Disclosure): Promise<void> {
  const patientIds = [...new Set(disclosure.versions.flatMap((version) => version.patientIds))].toSorted()
  const used = patientIds.map((patientId) => permitFor(disclosure.permits, patientId))
  await useUp(sql, used)
  await store.append(sql, [...(disclosure.also ?? []), ...readEvents(disclosure, used)])
  // Last, so that the time between this look and the COMMIT is as short as can be.
  assertFresh(used)
}

/** Marks permits as used; a permit that was used before breaks a unique key, and nothing is committed. */
export async function useUp(sql: ClientBase, permits: readonly Permit[]): Promise<void> {
  if (permits.length === 0) return
  await sql.query({
    name: 'careseal-use-permits',
    text: 'INSERT INTO permit_use (permit_id) SELECT unnest($1::uuid[])',
    values: [permits.map((one) => one.permitId)],
  })
}

function permitFor(permits: Permits, patientId: string): Permit {
  const permit = permits.get(patientId)
  if (!permit) throw new Error('a disclosure without a permit')
  return permit
}

function readEvents(disclosure: Disclosure, permits: readonly Permit[]): NewEvent[] {
  const ofPatients = permits.map(({ patientId, permitId }) => {
    const versions = disclosure.versions.filter((version) => version.patientIds.includes(patientId))
    return readEvent(disclosure, versions, { patientId, permitId, subjectId: patientId })
  })
  const ofNobody = disclosure.versions.filter((version) => version.patientIds.length === 0)
  return ofNobody.length === 0 ? ofPatients : [...ofPatients, readEvent(disclosure, ofNobody, { subjectId: null })]
}

function readEvent(
  { caller, purpose, interaction }: Disclosure,
  versions: readonly StoredVersion[],
  whose: { patientId?: string; permitId?: string; subjectId: string | null },
): NewEvent<'RecordRead'> {
  const { subjectId, ...named } = whose
  return {
    streamId: `read-${randomUUID()}`,
    expectedVersion: 0,
    type: 'RecordRead',
    subjectId,
    data: {
      ...actorOf(caller),
      ...named,
      purpose,
      interaction,
      versions: versions.map(({ type, id, versionId }) => ({ type, id, versionId })),
    },
  }
}

/** The caller as events name it. */
export function actorOf({ accountId, role, memberId }: Caller) {
  return { actorId: accountId, role, ...(memberId === undefined ? {} : { memberId }) }
}
