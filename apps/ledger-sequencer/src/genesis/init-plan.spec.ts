import { describe, expect, it } from 'vitest'
import { planInit, type Found } from './init-plan.js'

const nothing: Found = { state: null, key: false, genesis: false, height: -1 }
const whole: Found = { state: { size: 0 }, key: true, genesis: true, height: 0 }

describe('beginning a ledger', () => {
  it('goes on after a crash at any step, and in no other case makes anything', () => {
    const reachable: Found[] = [
      nothing,
      { ...nothing, state: { size: 0 } },
      { ...nothing, state: { size: 0 }, key: true },
      { ...whole, height: -1 },
      whole,
      { ...whole, height: 7 },
      { ...whole, height: 7, state: { size: 20 } },
    ]
    const steps = reachable.map((found) => planInit(found))
    expect(steps).toEqual([
      { steps: ['state', 'key', 'genesis', 'block'] },
      { steps: ['key', 'genesis', 'block'] },
      { steps: ['genesis', 'block'] },
      { steps: ['block'] },
      { steps: [] },
      { steps: [] },
      { steps: [] },
    ])
    for (const found of everyCase()) {
      const isReachable = reachable.some((one) => sameKind(one, found))
      expect('steps' in planInit(found)).toBe(isReachable)
    }
  })

  it.each<[Partial<Found>, string]>([
    [{ state: null }, 'signer-state-missing'],
    [{ key: false }, 'key-missing'],
    [{ genesis: false }, 'genesis-missing'],
    [{ height: -1, state: { size: 20 } }, 'blocks-missing'],
  ])('refuses a ledger that has lost something: %j', (lost, refused) => {
    expect(planInit({ ...whole, ...lost })).toEqual({ refused })
  })
})

function everyCase(): Found[] {
  const both = [false, true]
  const states = [null, { size: 0 }, { size: 20 }]
  return states.flatMap((state) =>
    both.flatMap((key) => both.flatMap((genesis) => [-1, 0].map((height) => ({ state, key, genesis, height })))),
  )
}

function sameKind(one: Found, other: Found): boolean {
  return kindOf(one) === kindOf(other)
}

function kindOf({ state, key, genesis, height }: Found): string {
  return [state && state.size > 0, key, genesis, height >= 0].join()
}
