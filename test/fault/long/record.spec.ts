import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AREAS, type Area } from './parts.js'
import { showsTable } from './document.js'
import { distributionOf } from './distribution.js'
import { faultsOf, partsOf, RECORD_FILE, readRecord, violationsIn, type PartRecord } from './record.js'
import { sourcesHash } from './sources.js'

const cleanOf = (area: Area): PartRecord[] =>
  AREAS[area].parts.map(({ name, faults, eventsMin = 0 }) => ({
    name,
    counts: faults,
    acknowledgedEvents: eventsMin,
    acknowledgedOperations: eventsMin,
    violations: [],
    checks: [],
    commit: '',
    sources: '',
    seed: '',
    startedAt: '',
    durationSeconds: 0,
    sealedWithinMs: 0,
    machine: { cores: 2, cpu: '', memoryGiB: 1 },
  }))

const areas = Object.keys(AREAS) as Area[]

function staleParts(area: Area): PartRecord[] {
  const sources = sourcesHash()
  return partsOf(readRecord(), area).filter((part) => part.sources !== sources)
}

describe.each(areas)('the record of the long run of the %s', (area) => {
  const clean = cleanOf(area)

  it('is complete, without a violation, and shown in docs/reliability.md', ({ skip }) => {
    const record = readRecord()
    const isThere = existsSync(RECORD_FILE) && partsOf(record, area).length > 0
    if (!isThere) return skip(`no long run is recorded: npm run test:long ${area}`)
    expect(showsTable(record)).toBe(true)
    expect(violationsIn(record, area)).toEqual([])
    const faults = faultsOf(record, area)
    // What is asked for is among the sources: an older record is stale, and need not hold what is asked for since.
    if (staleParts(area).length > 0 && faults.length > 0) skip(`of older sources, and lacks ${faults.join('; ')}`)
    expect(faults).toEqual([])
  })

  it('speaks of the sources as they are now', ({ skip }) => {
    const stale = staleParts(area)
    if (stale.length > 0) skip(`the sources have changed since ${stale.map(({ name }) => name).join(', ')} ran`)
    expect(stale).toEqual([])
  })

  it('asks for no more than the parts do', () => {
    expect(faultsOf({ v: 1, parts: clean }, area)).toEqual([])
  })

  it('is refused for a missing part, a missing count and a violation', () => {
    const [first, ...others] = clean
    const [required] = AREAS[area].required
    expect(faultsOf({ v: 1, parts: others }, area)).toContain(`no part ${first!.name}`)
    expect(faultsOf({ v: 1, parts: [{ ...first!, counts: {} }, ...others] }, area)).toContainEqual(
      expect.stringContaining(`${required!.name}: `),
    )
    expect(faultsOf({ v: 1, parts: [{ ...first!, violations: ['I1: lost'] }, ...others] }, area)).toContain(
      `${first!.name}: I1: lost`,
    )
  })
})

it('tells fail-over times as a distribution', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect(distributionOf(values)).toEqual({ count: 100, min: 1, p50: 50, p90: 90, p99: 99, max: 100 })
  expect(distributionOf([7])).toEqual({ count: 1, min: 7, p50: 7, p90: 7, p99: 7, max: 7 })
})
