import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Resource } from '../resource.js'
import { matchesSearch } from './match.js'
import { parseSearch, SEARCH_IDS_MAX, SEARCH_TERMS_MAX, type SearchQuery } from './parse.js'
import { extractIndex, type Token } from './values.js'

const query = (type: string, ...parameters: [string, string][]): SearchQuery => {
  const parsed = parseSearch(type, parameters, { strict: true })
  if (!parsed.ok) throw new Error(parsed.issues[0]?.diagnostics)
  return parsed.query
}
const finds = (resource: object, ...parameters: [string, string][]): boolean => {
  const given = resource as Resource
  return matchesSearch(given, query(given.resourceType, ...parameters))
}
const observation = (codes: Token[], effectiveDateTime = '2024-05-01') => ({
  resourceType: 'Observation',
  id: 'o1',
  subject: { reference: 'Patient/p1' },
  code: { coding: codes },
  category: [{ coding: [{ system: 'urn:c', code: 'lab' }] }],
  effectiveDateTime,
})

const list = (length: number) => Array.from({ length }, (_, i) => `a${i}`).join(',')
const issuesOf = (...parameters: [string, string][]) => {
  const parsed = parseSearch('Observation', parameters, { strict: true })
  return parsed.ok ? [] : parsed.issues
}

describe('search', () => {
  it('refuses what it does not know, unless the caller asks for leniency, which then says so', () => {
    const parameters: [string, string][] = [
      ['patient', 'p1'],
      ['value-quantity', '5'],
      ['code:not', 'a'],
    ]
    expect(parseSearch('Observation', parameters, { strict: true })).toMatchObject({
      ok: false,
      issues: [{ code: 'not-supported' }, { code: 'not-supported' }],
    })
    const lenient = parseSearch('Observation', parameters, { strict: false })
    expect(lenient).toMatchObject({ ok: true, query: { used: [['patient', 'p1']] } })
    expect(lenient.ok && lenient.query.ignored.map((issue) => issue.severity)).toEqual(['warning', 'warning'])
  })

  it.each([
    ['date', 'yesterday'],
    ['date', 'sa2024'],
    ['_count', '0'],
    ['_count', 'x'],
    ['code', 'a|b|c'],
    ['code', '|'],
    ['patient', 'Group/1'],
    ['_id', 'a b'],
    ['patient', ''],
  ])('refuses %s=%s even when lenient', (name, value) => {
    expect(parseSearch('Observation', [[name, value]], { strict: false }).ok).toBe(false)
  })

  it('refuses more ids or terms than it will look for', () => {
    const tooCostly = expect.arrayContaining([expect.objectContaining({ code: 'too-costly' })])
    expect(issuesOf(['_id', list(SEARCH_IDS_MAX)], ['patient', list(SEARCH_IDS_MAX)])).toEqual([])
    expect(issuesOf(['_id', list(SEARCH_IDS_MAX + 1)])).toEqual(tooCostly)
    expect(issuesOf(['patient', list(SEARCH_IDS_MAX + 1)])).toEqual(tooCostly)
    expect(issuesOf(['code', list(SEARCH_TERMS_MAX)])).toEqual([])
    expect(issuesOf(['code', list(SEARCH_TERMS_MAX)], ['date', '2024'])).toEqual(tooCostly)
    expect(issuesOf(...Array.from({ length: 101 }, (): [string, string] => ['category', 'a']))).toEqual(tooCostly)
  })

  it('takes repeated ids as and', () => {
    expect(query('Observation', ['_id', 'a,b,b'], ['_id', 'b,c,b']).ids).toEqual(['b'])
  })

  it('knows which parameters a type has', () => {
    expect(parseSearch('Patient', [['code', 'a']], { strict: true }).ok).toBe(false)
    expect(parseSearch('Organization', [['patient', 'a']], { strict: true }).ok).toBe(false)
  })

  it('limits a page', () => {
    expect(query('Patient', ['_count', '100000']).count).toBe(200)
  })

  it('reads escapes in tokens', () => {
    expect(query('Observation', ['code', String.raw`a\,b\|c,s\|1|x`]).code).toEqual([
      [{ code: 'a,b|c' }, { system: 's|1', code: 'x' }],
    ])
  })

  it('takes commas as or, repetition as and', () => {
    const both = observation([{ code: 'a' }, { code: 'b' }])
    expect(finds(both, ['code', 'x,a'])).toBe(true)
    expect(finds(both, ['code', 'a'], ['code', 'b'])).toBe(true)
    expect(finds(both, ['code', 'a'], ['code', 'x'])).toBe(false)
  })

  it('finds by patient, id, category and date', () => {
    const one = observation([])
    expect(finds(one, ['patient', 'p1'], ['_id', 'o1'], ['category', 'urn:c|lab'], ['date', 'ge2024-05'])).toBe(true)
    expect(finds(one, ['subject', 'Patient/p1'])).toBe(true)
    expect(finds(one, ['patient', 'p2'])).toBe(false)
    expect(finds(one, ['_id', 'o2'])).toBe(false)
    expect(finds(one, ['date', 'gt2024-05'])).toBe(false)
  })

  it('reads periods with open ends, timings, and choices', () => {
    const encounter = { resourceType: 'Encounter', period: { start: '2024-01-05' } }
    expect(finds(encounter, ['date', 'gt2030'])).toBe(true)
    expect(finds(encounter, ['date', 'lt2024'])).toBe(false)
    const timing = { resourceType: 'Observation', effectiveTiming: { event: ['2024-01-05', '2024-03-01'] } }
    expect(finds(timing, ['date', '2024'])).toBe(true)
    const medication = { resourceType: 'MedicationRequest', medicationCodeableConcept: { coding: [{ code: 'm' }] } }
    expect(finds(medication, ['code', 'm'])).toBe(true)
    expect(extractIndex({ resourceType: 'AllergyIntolerance', category: ['food'] }).category).toEqual([
      { code: 'food' },
    ])
  })

  it('matches tokens as the four forms of the standard say', () => {
    const word = fc.constantFrom('a', 'b')
    const system = fc.option(word, { nil: undefined })
    const tokens = fc.array(fc.record({ system, code: word }).map(clean), { maxLength: 3 })
    const terms = fc.constantFrom('a', 'b', 'a|a', 'a|b', 'a|', '|a', '|b', 'b|b')
    fc.assert(
      fc.property(tokens, terms, (codes, term) => {
        expect(finds(observation(codes), ['code', term])).toBe(codes.some((token) => naive(token, term)))
      }),
    )
  })
})

function clean({ system, code }: { system: string | undefined; code: string }): Token {
  return system === undefined ? { code } : { system, code }
}

function naive(token: Token, term: string): boolean {
  const spelled = [`${token.code}`, `${token.system ?? ''}|${token.code}`]
  if (token.system !== undefined) spelled.push(`${token.system}|`)
  return spelled.includes(term)
}
