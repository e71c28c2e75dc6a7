import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inheritedPatients, type Heir } from './inheritance.js'

type Patients = Map<string, readonly string[]>

/** The rule word for word, slow and plain: every heir looks at what it refers to, until nothing changes. */
function naively(heirs: readonly Heir[], stored: Patients): Map<string, string[]> {
  const now: Patients = new Map([...stored, ...heirs.map(({ name, patientIds }) => [name, patientIds] as const)])
  for (let before = ''; before !== JSON.stringify([...now]);) {
    before = JSON.stringify([...now])
    for (const { name, patientIds, refersTo } of heirs) {
      if (patientIds.length === 0)
        now.set(name, [...new Set(refersTo.flatMap((target) => now.get(target) ?? []))].toSorted())
    }
  }
  return new Map(heirs.map(({ name }) => [name, [...now.get(name)!]]))
}

const PLACES = 8
const anyPatients = fc.oneof(fc.constant([]), fc.subarray(['p1', 'p2', 'p3']))
const anyStored = fc.array(anyPatients, { maxLength: 3 })

/** A graph of a request; `reach` says to which places, of itself, of others and stored ones, place `at` may refer. */
function graphs(reach: (at: number) => string[]) {
  const heirs = Array.from({ length: PLACES }, (_, at) =>
    fc
      .tuple(anyPatients, fc.subarray(reach(at)))
      .map(([patientIds, refersTo]): Heir => ({ name: `r${at}`, patientIds, refersTo })),
  )
  const stored = anyStored.map((lists): Patients => new Map(lists.map((ids, at) => [`s${at}`, ids])))
  return fc.tuple(fc.tuple(...heirs), stored)
}

const outside = ['s0', 's1', 's2']
const allPlaces = Array.from({ length: PLACES }, (_, at) => `r${at}`)
const anyGraph = graphs(() => [...allPlaces, ...outside])
const withoutCircles = graphs((at) => [...allPlaces.slice(0, at), ...outside])

describe('inheriting patients', () => {
  it('goes through as many orphans as there are, and round in a circle', () => {
    const heirs = [
      { name: 'a', patientIds: [], refersTo: ['b'] },
      { name: 'b', patientIds: [], refersTo: ['c', 'a'] },
      { name: 'c', patientIds: ['p1'], refersTo: ['d'] },
      { name: 'd', patientIds: ['p2'], refersTo: [] },
    ]
    expect(Object.fromEntries(inheritedPatients(heirs, new Map()))).toEqual({
      a: ['p1'],
      b: ['p1'],
      c: ['p1'],
      d: ['p2'],
    })
  })

  it('is what the plain rule says, for any graph', () => {
    fc.assert(
      fc.property(anyGraph, ([heirs, stored]) => {
        expect(inheritedPatients(heirs, stored)).toEqual(naively(heirs, stored))
      }),
    )
  })

  it('does not depend on the order of the request', () => {
    fc.assert(
      fc.property(
        anyGraph.chain(([heirs, stored]) =>
          fc.tuple(
            fc.constant(heirs),
            fc.constant(stored),
            fc.shuffledSubarray([...heirs], { minLength: heirs.length }),
          ),
        ),
        ([heirs, stored, shuffled]) => {
          const [one, other] = [inheritedPatients(heirs, stored), inheritedPatients(shuffled, stored)]
          expect(Object.fromEntries(other)).toEqual(Object.fromEntries(one))
        },
      ),
    )
  })

  it('gives the same when each resource comes in a request of its own, after what it refers to', () => {
    fc.assert(
      fc.property(withoutCircles, ([heirs, stored]) => {
        const soFar: Patients = new Map(stored)
        for (const heir of heirs) {
          for (const [name, patientIds] of inheritedPatients([heir], soFar)) soFar.set(name, patientIds)
        }
        const oneByOne = new Map(heirs.map(({ name }) => [name, soFar.get(name)]))
        expect(inheritedPatients(heirs, stored)).toEqual(oneByOne)
      }),
    )
  })

  it('takes what is written on from the request, not from what was stored before', () => {
    const heirs = [
      { name: 'a', patientIds: ['new'], refersTo: [] },
      { name: 'b', patientIds: [], refersTo: ['a'] },
    ]
    expect(inheritedPatients(heirs, new Map([['a', ['old']]])).get('b')).toEqual(['new'])
  })

  it('of a long chain in the worst order takes no time to speak of', () => {
    const chain = Array.from({ length: 5_000 }, (_, at) => ({
      name: `r${at}`,
      patientIds: at === 4_999 ? ['p1'] : [],
      refersTo: [`r${at + 1}`],
    }))
    expect([...inheritedPatients(chain, new Map()).values()]).toEqual(chain.map(() => ['p1']))
  })
})
