import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatFhirScope, INTERACTIONS, parseFhirScope, permits, reduceScopes, type Interaction } from './index.js'

// The oracle writes out every legal permission by hand-made enumeration instead of parsing.
const SUBSETS = Array.from({ length: 31 }, (_, n) =>
  INTERACTIONS.filter((_letter, position) => (n + 1) & (1 << position)).join(''),
)
const MEANING = new Map<string, string>([
  ...SUBSETS.map((letters) => [letters, letters] as const),
  ['read', 'rs'],
  ['write', 'cud'],
  ['*', 'cruds'],
])
const TYPES = ['Patient', 'Observation', 'Consent']
const LEVELS = ['patient', 'user', 'system'] as const

const permission = fc.constantFrom(...MEANING.keys())
const type = fc.constantFrom('*', ...TYPES)
const scope = fc.tuple(fc.constantFrom(...LEVELS), type, permission).map(([level, t, p]) => `${level}/${t}.${p}`)
const scopes = fc.array(scope, { maxLength: 4 })

/** Every `level type interaction` that a list of scopes grants, spelled out. */
function spelledOut(list: readonly string[]): string[] {
  const grants = list.flatMap((text) => {
    const [level, rest] = text.split('/') as [string, string]
    const [named, permissions] = rest.split('.') as [string, string]
    const types = named === '*' ? [...TYPES, 'Other'] : [named]
    return types.flatMap((each) => [...MEANING.get(permissions)!].map((letter) => `${level} ${each} ${letter}`))
  })
  return [...new Set(grants)].toSorted()
}

describe('the grammar of SMART scopes', () => {
  it('knows every legal scope', () => {
    fc.assert(
      fc.property(scope, (text) => {
        const parsed = parseFhirScope(text)
        expect(parsed?.interactions.join('')).toBe(MEANING.get(text.split('.')[1]!))
        expect(spelledOut([formatFhirScope(parsed!)])).toEqual(spelledOut([text]))
      }),
    )
  })

  it('refuses every permission that the oracle does not list', () => {
    const letters = fc
      .array(fc.constantFrom(...INTERACTIONS, 'x', 'R'), { maxLength: 6 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(letters, (text) => {
        expect(parseFhirScope(`user/Patient.${text}`) !== undefined).toBe(MEANING.has(text))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    'user/Patient.dus',
    'user/Patient.rr',
    'user/Patient.',
    'user/patient.r',
    'user/.r',
    'group/Patient.r',
    'user/Patient.rs extra',
    'user/Patient.rs?',
    'user/Patient.rs?category',
    'user/Patient.read?category=x',
    'user/Patient.r*',
    'openid',
    '',
  ])('refuses %j', (text) => {
    expect(parseFhirScope(text)).toBeUndefined()
  })

  it('reads the parameters that narrow a scope, and lets such a scope grant nothing', () => {
    const text = 'patient/Observation.rs?category=http://example.org|laboratory&status=final'
    expect(parseFhirScope(text)?.parameters).toEqual([
      ['category', 'http://example.org|laboratory'],
      ['status', 'final'],
    ])
    expect(formatFhirScope(parseFhirScope(text)!)).toBe(text)
    expect(permits([text], 'r', 'Observation')).toBe(false)
    expect(reduceScopes([text], ['patient/*.cruds'])).toEqual([])
  })
})

describe('what scopes permit', () => {
  it('agrees with the oracle', () => {
    const interaction = fc.constantFrom<Interaction[]>(...INTERACTIONS)
    fc.assert(
      fc.property(scopes, interaction, fc.constantFrom(...TYPES), (list, letter, name) => {
        const granted = spelledOut(list).some((grant) => grant.endsWith(` ${name} ${letter}`))
        expect(permits(list, letter, name)).toBe(granted)
      }),
    )
  })
})

describe('reducing scopes', () => {
  it('leaves exactly what is both requested and allowed', () => {
    fc.assert(
      fc.property(scopes, scopes, (requested, allowed) => {
        const both = new Set(spelledOut(allowed))
        expect(spelledOut(reduceScopes(requested, allowed))).toEqual(spelledOut(requested).filter((g) => both.has(g)))
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps plain scopes that are allowed word for word', () => {
    expect(reduceScopes(['careseal/admin', 'openid'], ['careseal/admin'])).toEqual(['careseal/admin'])
  })

  it('gives a patient who asks for everything what patients may have', () => {
    const allowed = ['patient/*.rs', 'patient/Consent.cruds']
    expect(reduceScopes(['patient/*.cruds'], allowed)).toEqual(allowed)
  })
})
