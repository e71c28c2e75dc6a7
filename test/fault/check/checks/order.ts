// Versions come in the order in which clients were told of them, on the ledger too, and no read shows an older one.
import type { Entry } from '../../load/history.js'
import type { Facts } from '../facts.js'
import { Check, type CheckResult, type Violation } from '../result.js'
import {
  deletionOf,
  isAcknowledgedDeletion,
  resourceOf,
  storedVersions,
  type StoredVersions,
} from '../stored-versions.js'

/** An operation that named one version of a resource: by writing it, or by showing it as the present one. */
type Sighting = { entry: Entry; versionNo: number; isWrite: boolean }

export function versionsInOrder(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('versions come in the order in which they were acknowledged', ['I7'])
  const versions = storedVersions(facts)
  for (const entry of entries) expectNext(check, entry, versions)
  const sightings = Map.groupBy(
    entries.flatMap((entry) => sightingsIn(entry, versions)),
    ({ resource }) => resource,
  )
  for (const [resource, those] of sightings) expectOnwards(check, resource, those)
  expectLedgerOrder(check, facts, versions)
  return check.result()
}

/** A change makes the version right after the one that it named. */
function expectNext(check: Check, { n, resource, basedOn, answers = [] }: Entry, versions: StoredVersions): void {
  const before = versions.at(`${resource}/_history/${basedOn}`)
  for (const location of new Set(answers.flat())) {
    const after = versions.at(location)
    if (basedOn === undefined || !after) continue
    check.expect(after.versionNo === (before?.versionNo ?? NaN) + 1, () =>
      disorder('it is not the version after the one that its If-Match named', `${location}, entry ${n}`),
    )
  }
}

function sightingsIn(entry: Entry, versions: StoredVersions): (Sighting & { resource: string })[] {
  const isRead = entry.operation === 'read'
  const deleted = isAcknowledgedDeletion(entry) ? [deletionOf(entry, versions)?.location ?? ''] : []
  const named = isRead ? (entry.versions ?? []) : [...new Set((entry.answers ?? []).flat()), ...deleted]
  return named.flatMap((location) => {
    const found = versions.at(location)
    return found ? [{ resource: resourceOf(location), entry, versionNo: found.versionNo, isWrite: !isRead }] : []
  })
}

/** Whatever begins after a version was told of, makes a later one or shows no earlier one. */
function expectOnwards(check: Check, resource: string, sightings: readonly Sighting[]): void {
  for (const later of sightings) {
    const before = sightings.filter(({ entry }) => entry.endedAt < later.entry.startedAt)
    const newest = Math.max(0, ...before.map(({ versionNo }) => versionNo))
    const holds = later.isWrite ? later.versionNo > newest : later.versionNo >= newest
    const what = later.isWrite ? 'an earlier version was written after a later one' : 'an older version was shown'
    check.expect(holds, () => disorder(what, `${resource}, entry ${later.entry.n}`))
  }
}

function expectLedgerOrder(check: Check, facts: Facts, versions: StoredVersions): void {
  const places = new Map(facts.writes.map(({ name, producer, seq }) => [name, { producer, seq }]))
  for (const [resource, those] of versions.resources()) {
    const inOrder = those.toSorted((a, b) => a.versionNo - b.versionNo).map(({ location }) => places.get(location))
    for (const [i, place] of inOrder.entries()) {
      const before = inOrder[i - 1]
      if (!place || !before || place.producer !== before.producer) continue
      check.expect((place.seq ?? Infinity) > (before.seq ?? Infinity), () =>
        disorder('its versions stand on the ledger in another order', resource),
      )
    }
  }
}

const disorder = (what: string, where: string): Violation => ({ invariant: 'I7', what, where })
