// What was acknowledged is there once; what is there was acknowledged, or nobody was told either way.
import type { Entry } from '../../load/history.js'
import type { BlockFact, Facts, WriteFact } from '../facts.js'
import { Check, type CheckResult } from '../result.js'
import {
  deletionOf,
  isAcknowledgedDeletion,
  resourceOf,
  storedVersions,
  type StoredVersions,
} from '../stored-versions.js'

export function acknowledgedIsSealed(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('each acknowledged write is one event in one sealed block', ['I1', 'I2'])
  const events = Map.groupBy(facts.writes, ({ name }) => name)
  const indexes = indexesOf(facts.blocks)
  const versions = storedVersions(facts)
  for (const entry of entries) {
    for (const name of acknowledgedBy(entry, versions)) {
      const fault = name === null ? 'the deletion is not stored' : faultOf(events.get(name) ?? [], indexes, facts)
      check.expect(fault === undefined, () => ({ invariant: 'I1', what: fault!, where: whereOf(entry, name) }))
    }
  }
  return check.result()
}

/** Names of all that an operation was told to have written; null for a deletion that is nowhere. */
function acknowledgedBy(entry: Entry, versions: StoredVersions): (string | null)[] {
  if (isAcknowledgedDeletion(entry)) return [deletionOf(entry, versions)?.location ?? null]
  return [...new Set((entry.answers ?? []).flat())]
}

function faultOf(events: readonly WriteFact[], indexes: Map<string, number[]>, facts: Facts): string | undefined {
  const [event, ...others] = events
  if (!event) return 'acknowledged, and no event tells of it'
  if (others.length > 0) return `${events.length} events tell of it`
  if (event.seq === null) return 'its event has no number'
  const places = indexes.get(placeOf(event.producer, event.seq)) ?? []
  if (places.length !== 1) return `its event is in ${places.length} sealed blocks`
  return facts.entryHashes[places[0]!] === event.leafHash ? undefined : 'its leaf on the ledger is another'
}

/** Where every leaf stands, by counting through the runs of all blocks. */
function indexesOf(blocks: readonly BlockFact[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { firstIndex, controls, runs } of blocks) {
    let index = firstIndex + controls
    for (const { producer, fromSeq, count } of runs) {
      for (let i = 0; i < count; i++) {
        const place = placeOf(producer, fromSeq + i)
        found.set(place, [...(found.get(place) ?? []), index++])
      }
    }
  }
  return found
}

const placeOf = (producer: string, seq: number): string => `${producer} ${seq}`

function whereOf({ operation, n, resource }: Entry, name: string | null): string {
  return `${name ?? resource ?? 'a write'} (${operation}, entry ${n})`
}

export function oneKeyOneEffect(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('one idempotency key has one effect and one answer', ['I2', 'I19'])
  const tellers = new Map<string, number>()
  for (const entry of entries) {
    const { n, key, operation, answers = [] } = entry
    const remembered = key === undefined ? undefined : facts.keys.get(key)
    const all = [...answers, ...(remembered && answers.length > 0 ? [remembered] : [])].map(asText)
    const say = (what: string) => () => ({ invariant: 'I19', what, where: `${operation}, entry ${n}` })
    check.expect(new Set(all).size <= 1, say('the same key was answered differently'))
    for (const location of new Set(answers.flat())) {
      const other = tellers.get(location)
      check.expect(other === undefined, say(`it was told the location that entry ${other} was told`))
      tellers.set(location, n)
    }
  }
  return check.result()
}

const asText = (locations: readonly string[]): string => locations.toSorted().join()

export function nothingUntold(entries: readonly Entry[], facts: Facts): CheckResult {
  const check = new Check('each stored version was acknowledged, or its client had no answer', ['I2', 'I19'])
  const versions = storedVersions(facts)
  const told = new Set(entries.flatMap((entry) => acknowledgedBy(entry, versions)))
  const unanswered = entries.filter(({ outcome }) => outcome === 'unknown')
  const maybe = new Set(unanswered.flatMap(({ key }) => (key === undefined ? [] : (facts.keys.get(key) ?? []))))
  const maybeChanged = new Set(unanswered.flatMap(mayHaveChanged))
  for (const { location, interaction } of facts.versions) {
    const isExplained =
      told.has(location) || maybe.has(location) || maybeChanged.has(`${interaction} ${resourceOf(location)}`)
    check.expect(isExplained, () => ({ invariant: 'I19', what: 'stored, and nobody was told of it', where: location }))
  }
  return check.result()
}

/** Changes without an answer whose new version no key leads to: deletions, and changes of consents. */
function mayHaveChanged({ operation, resource }: Entry): string[] {
  if (resource === undefined) return []
  if (operation === 'delete') return [`delete ${resource}`]
  return operation === 'revoke' || operation === 'replace-grant' ? [`update ${resource}`] : []
}
