import { describe, expect, it } from 'vitest'
import { INVARIANTS, invariantLines } from './invariants.js'
import { Check, MOST_NAMED, reportOf } from './report.js'
import { rulesOf } from './rules-pass.js'

const ALL = Array.from({ length: 22 }, (_, at) => `I${at + 1}`)
const fault = { invariant: 'I3', what: 'it is wrong', where: 'here' } as const

describe('the table of invariants', () => {
  it('holds each invariant of the design exactly once, whatever ran', () => {
    expect(INVARIANTS.map(({ id }) => id)).toEqual(ALL)
    for (const scope of ['databases', 'export'] as const) {
      const lines = invariantLines([], scope)
      expect(lines.map(({ id }) => id)).toEqual(ALL)
      for (const { state, why } of lines)
        expect({ state, why }).toEqual({ state: 'not-covered', why: expect.stringMatching(/./) })
    }
  })

  it('calls an invariant held only when something was looked at, and broken when one violation names it', () => {
    const looked = new Check('looked', ['I3', 'I4'])
    looked.checked = 2
    looked.expect(false, () => fault)
    const empty = new Check('empty', ['I6'])
    const states = reportOf([looked, empty], 'databases').invariants.map(({ id, state }) => [id, state])
    expect(Object.fromEntries(states)).toMatchObject({ I3: 'broken', I4: 'holds', I6: 'not-covered' })
  })

  it('says of cosignatures that were not looked at that a policy is missing', () => {
    for (const scope of ['databases', 'export'] as const) {
      const line = invariantLines([], scope).find(({ id }) => id === 'I18')
      expect(line).toMatchObject({ state: 'not-covered', why: expect.stringContaining('--policy') })
    }
  })

  it('counts more violations than it names', () => {
    const check = new Check('many', ['I3'])
    for (let i = 0; i < MOST_NAMED + 5; i++) check.expect(false, () => fault)
    const report = reportOf([check], 'databases')
    expect(report.checks[0]?.violations).toHaveLength(MOST_NAMED)
    expect(report.invariants.find(({ id }) => id === 'I3')?.violations).toBe(MOST_NAMED + 5)
  })

  it('is named by rules with ids that exist', () => {
    for (const rule of ['audit', 'consent', 'identity', 'records'].flatMap(rulesOf))
      expect(ALL).toContain(rule.invariant)
  })
})
