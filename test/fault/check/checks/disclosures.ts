// I13: whatever was shown is written down as RecordRead, as often as it was shown, each under a permit of its own.
import type { Entry } from '../../load/history.js'
import type { Facts, PermitFact, ReadFact } from '../facts.js'
import { Check, type CheckResult } from '../result.js'

export function eachDisclosureIsRecorded(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('each disclosure is recorded, under a permit that was given for it alone', ['I13'])
  expectRecorded(check, entries, facts.reads)
  expectPermitted(check, facts)
  return check.result()
}

/** No request is named in an event, so equal disclosures to one actor are counted. */
function expectRecorded(check: Check, entries: readonly Entry[], reads: readonly ReadFact[]): void {
  const shown = Map.groupBy(entries.filter(isDisclosure), (entry) =>
    keyOf({ actorId: entry.actorId!, interaction: interactionOf(entry), versions: entry.versions! }),
  )
  const recorded = Map.groupBy(reads, keyOf)
  for (const [key, those] of shown) {
    const count = recorded.get(key)?.length ?? 0
    const where = `${those[0]!.operation}, entry ${those.map(({ n }) => n).join(', ')}`
    const what = `shown ${those.length} times and recorded ${count} times`
    check.expect(count >= those.length, () => ({ invariant: 'I13', what, where }))
  }
}

function expectPermitted(check: Check, { reads, permits }: Facts): void {
  const given = new Map(permits.map((permit) => [permit.permitId, permit]))
  const users = Map.groupBy(
    reads.filter(({ patientId }) => patientId !== null),
    ({ permitId }) => permitId,
  )
  for (const [permitId, those] of users) {
    const where = `RecordRead ${those.map(({ eventId }) => eventId).join(', ')}`
    const say = (what: string) => () => ({ invariant: 'I13', what, where })
    check.expect(those.length === 1, say('one permit was used for several disclosures'))
    const permit = permitId === null ? undefined : given.get(permitId)
    check.expect(permit !== undefined && fits(permit, those[0]!), say('no permit covers it'))
  }
}

function fits({ actorId, patientId }: PermitFact, read: ReadFact): boolean {
  return actorId === read.actorId && patientId === read.patientId
}

function isDisclosure({ actorId, versions = [], outcome }: Entry): boolean {
  return actorId !== undefined && outcome === 'ok' && versions.length > 0
}

// What a foreign read would have been shown has to be recorded as well.
function interactionOf({ operation, versions = [] }: Entry): string {
  return operation === 'foreign-read' ? (versions.length > 1 ? 'history' : 'read') : operation.replace('foreign-', '')
}

function keyOf({ actorId, interaction, versions }: Pick<ReadFact, 'actorId' | 'interaction' | 'versions'>): string {
  return `${actorId} ${interaction} ${versions.toSorted().join()}`
}
