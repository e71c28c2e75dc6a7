import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PARTS } from './parts.js'
import { showsTable } from './document.js'
import { faultsOf, RECORD_FILE, readRecord, type PartRecord } from './record.js'
import { sourcesHash } from './sources.js'

const clean: PartRecord[] = PARTS.map(({ name, faults, eventsMin = 0 }) => ({
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

describe('the record of the long run', () => {
  it('is complete, without a violation, and shown in docs/reliability.md', ({ skip }) => {
    if (!existsSync(RECORD_FILE)) return skip('no long run is recorded: npm run test:long foundation')
    const record = readRecord()
    expect(faultsOf(record)).toEqual([])
    expect(showsTable(record)).toBe(true)
  })

  it('speaks of the sources as they are now', ({ skip }) => {
    const sources = sourcesHash()
    const stale = readRecord().parts.filter((part) => part.sources !== sources)
    if (stale.length > 0) skip(`the sources have changed since ${stale.map(({ name }) => name).join(', ')} ran`)
    expect(stale).toEqual([])
  })

  it('asks for no more than the parts do', () => {
    expect(faultsOf({ v: 1, parts: clean })).toEqual([])
  })

  it('is refused for a missing part, a missing count and a violation', () => {
    expect(faultsOf({ v: 1, parts: clean.slice(1) })).toContain('no part kills-1')
    expect(faultsOf({ v: 1, parts: [{ ...clean[0]!, counts: {} }, ...clean.slice(1)] })).toContainEqual(
      expect.stringMatching(/^kill -9 of services.* of 500$/),
    )
    expect(faultsOf({ v: 1, parts: [{ ...clean[0]!, violations: ['I1: lost'] }, ...clean.slice(1)] })).toContain(
      'kills-1: I1: lost',
    )
  })
})
