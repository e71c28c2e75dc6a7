import type { Grantee, PurposeOfUse } from '@careseal/contracts'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate, type ConsentRule, type PolicyRequest } from './evaluate.js'
import { naiveVerdict } from './naive.js'

const practitioner: Grantee = { kind: 'practitioner', id: 'practitioner-1' }
const organization: Grantee = { kind: 'organization', id: 'organization-1' }
const stranger: Grantee = { kind: 'practitioner', id: 'practitioner-2' }
const NOW = 1_000
const request: PolicyRequest = {
  practitionerId: practitioner.id,
  organizationId: organization.id,
  purpose: 'TREAT',
  atMs: NOW,
}

function rule(revision: number, change: Partial<ConsentRule> = {}): ConsentRule {
  const ids = { consentId: `consent-${revision}`, versionId: `version-${revision}` }
  return { ...ids, effect: 'permit', grantees: [], purposes: [], revision, ...change }
}

function verdict(rules: ConsentRule[], change: Partial<PolicyRequest> = {}) {
  return evaluate(rules, { ...request, ...change }).decisive?.effect ?? null
}

describe('one consent', () => {
  it('without grantees and purposes speaks for everybody and everything', () => {
    expect(verdict([rule(1)], { purpose: 'HMARKT' })).toBe('permit')
    expect(verdict([rule(1, { effect: 'deny' })])).toBe('deny')
  })

  it('speaks only for the grantees it names', () => {
    expect(verdict([rule(1, { grantees: [practitioner] })])).toBe('permit')
    expect(verdict([rule(1, { grantees: [organization] })])).toBe('permit')
    expect(verdict([rule(1, { grantees: [stranger] })])).toBeNull()
    expect(verdict([rule(1, { grantees: [{ kind: 'organization', id: practitioner.id }] })])).toBeNull()
  })

  it('for treatment covers emergency treatment, but not the other way round', () => {
    expect(verdict([rule(1, { purposes: ['TREAT'] })], { purpose: 'ETREAT' })).toBe('permit')
    expect(verdict([rule(1, { purposes: ['ETREAT'] })], { purpose: 'TREAT' })).toBeNull()
  })

  it('begins with the first millisecond of its period and has ended at its end', () => {
    const limited = rule(1, { periodStartMs: 10, periodEndMs: 20 })
    expect([9, 10, 19, 20].map((atMs) => verdict([limited], { atMs }))).toEqual([null, 'permit', 'permit', null])
  })
})

describe('several consents', () => {
  it('denial overrides permit when both are equally specific', () => {
    const permit = rule(2, { grantees: [practitioner, stranger] })
    expect(verdict([rule(1, { effect: 'deny', grantees: [practitioner] }), permit])).toBe('deny')
  })

  it('a named practitioner is more specific than the organisation, that more than anyone', () => {
    const everybody = rule(1, { effect: 'deny' })
    const house = rule(2, { grantees: [organization] })
    const person = rule(3, { effect: 'deny', grantees: [practitioner] })
    expect(verdict([everybody, house])).toBe('permit')
    expect(verdict([everybody, house, person])).toBe('deny')
  })

  it('a narrower purpose is more specific than a broader one', () => {
    const treatment = rule(1, { effect: 'deny', purposes: ['TREAT'] })
    const emergency = rule(2, { purposes: ['ETREAT'] })
    expect(verdict([treatment, emergency], { purpose: 'ETREAT' })).toBe('permit')
    expect(verdict([treatment, emergency])).toBe('deny')
  })

  it('a newer consent of the same scope supersedes the older', () => {
    const older = rule(1, { effect: 'deny', grantees: [practitioner], purposes: ['TREAT', 'HPAYMT'] })
    const newer = rule(2, { grantees: [practitioner], purposes: ['HPAYMT', 'TREAT'] })
    expect(verdict([older, newer])).toBe('permit')
    expect(verdict([older, { ...newer, periodEndMs: NOW }])).toBe('deny')
  })

  it('says what became of each consent', () => {
    const rules = [
      rule(1, { effect: 'deny' }),
      rule(2, { periodEndMs: NOW }),
      rule(3, { grantees: [stranger] }),
      rule(4, { purposes: ['HRESCH'] }),
      rule(5, { grantees: [practitioner], purposes: ['TREAT'] }),
      rule(6, { effect: 'deny', grantees: [practitioner], purposes: ['TREAT', 'HMARKT'] }),
      rule(7, { effect: 'deny', grantees: [practitioner, stranger], purposes: ['TREAT'] }),
      rule(8, { effect: 'deny' }),
    ]
    expect(evaluate(rules, request).reasons.map(({ outcome }) => outcome)).toEqual([
      'superseded',
      'not-in-force',
      'other-grantee',
      'other-purpose',
      'overridden-by-deny',
      'agrees',
      'decides',
      'less-specific',
    ])
  })
})

const effects = ['permit', 'deny'] as const
const granteeSets: Grantee[][] = [[], [practitioner], [organization], [stranger]]
const purposeSets: PurposeOfUse[][] = [[], ['TREAT'], ['ETREAT']]
const ends = [undefined, NOW]

function everyRule(revision: number): ConsentRule[] {
  return effects.flatMap((effect) =>
    granteeSets.flatMap((grantees) =>
      purposeSets.flatMap((purposes) =>
        ends.map((end) =>
          rule(revision, { effect, grantees, purposes, ...(end === undefined ? {} : { periodEndMs: end }) }),
        ),
      ),
    ),
  )
}

function* everyTriple(): Generator<ConsentRule[]> {
  for (const first of everyRule(1)) {
    for (const second of everyRule(2)) for (const third of everyRule(3)) yield [first, second, third]
  }
}

const anyRule = fc.record({
  effect: fc.constantFrom(...effects),
  grantees: fc.subarray([practitioner, organization, stranger]),
  purposes: fc.subarray<PurposeOfUse>(['TREAT', 'ETREAT', 'HPAYMT', 'HRESCH']),
  starts: fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 })),
  ends: fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 })),
})
const anyRules = fc.array(anyRule, { maxLength: 8 }).map((list) =>
  list.map(({ starts, ends: end, ...change }, at) => {
    const period = {
      ...(starts === null ? {} : { periodStartMs: starts }),
      ...(end === null ? {} : { periodEndMs: end }),
    }
    return rule(at + 1, { ...change, ...period })
  }),
)
const anyRequest = fc.record({
  practitionerId: fc.constantFrom(undefined, practitioner.id, stranger.id),
  organizationId: fc.constantFrom(undefined, organization.id),
  purpose: fc.constantFrom<PurposeOfUse>('TREAT', 'ETREAT', 'HPAYMT', 'HMARKT'),
  atMs: fc.constant(NOW),
})
const effectOf = (rules: readonly ConsentRule[], asked: PolicyRequest) =>
  evaluate(rules, asked).decisive?.effect ?? null

describe('the combining rule', () => {
  it('agrees with the naive oracle on every set of three consents', () => {
    const asked: PolicyRequest[] = [request, { ...request, purpose: 'ETREAT' }, { purpose: 'TREAT', atMs: NOW }]
    const disagreeing: unknown[] = []
    for (const rules of everyTriple()) {
      const wrong = asked.filter((one) => effectOf(rules, one) !== naiveVerdict(rules, one))
      if (wrong.length > 0) disagreeing.push({ rules, wrong })
    }
    expect(disagreeing).toEqual([])
  })

  it('agrees with the naive oracle on larger sets', () => {
    fc.assert(
      fc.property(anyRules, anyRequest, (rules, asked) => {
        expect(effectOf(rules, asked)).toBe(naiveVerdict(rules, asked))
      }),
      { numRuns: 2_000 },
    )
  })

  it('does not depend on the order in which consents are read', () => {
    fc.assert(
      fc.property(anyRules, anyRequest, (rules, asked) => {
        expect(evaluate(rules.toReversed(), asked)).toEqual(evaluate(rules, asked))
      }),
    )
  })

  it('never opens anything when a permit is taken away', () => {
    fc.assert(
      fc.property(anyRules, anyRequest, fc.nat(), (rules, asked, at) => {
        const gone = rules[at % Math.max(rules.length, 1)]
        fc.pre(gone?.effect === 'permit' && effectOf(rules, asked) !== 'permit')
        expect(
          effectOf(
            rules.filter((one) => one !== gone),
            asked,
          ),
        ).not.toBe('permit')
      }),
    )
  })

  it('never opens anything when a denial is added', () => {
    fc.assert(
      fc.property(anyRules, anyRule, anyRequest, (rules, added, asked) => {
        fc.pre(effectOf(rules, asked) !== 'permit')
        const denial = rule(99, { effect: 'deny', grantees: added.grantees, purposes: added.purposes })
        expect(effectOf([...rules, denial], asked)).not.toBe('permit')
      }),
    )
  })

  it('names exactly one deciding consent, or none', () => {
    fc.assert(
      fc.property(anyRules, anyRequest, (rules, asked) => {
        const { decisive, reasons } = evaluate(rules, asked)
        const deciding = reasons.filter(({ outcome }) => outcome === 'decides').map(({ versionId }) => versionId)
        expect(deciding).toEqual(decisive === null ? [] : [decisive.versionId])
      }),
    )
  })
})
