// A checker that cannot fail is worth nothing: each check finds what is planted for it, it alone, and nothing else.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkHistory } from './check-history.js'
import { MadeWorld, STEPS, type Step } from './made-world.fixture.js'
import { first, show } from './planting.fixture.js'
import { ACCESS_PLANTS } from './plants/access.plants.js'
import { ANSWER_PLANTS } from './plants/answers.plants.js'
import { DISCLOSURE_PLANTS } from './plants/disclosures.plants.js'
import { LEDGER_PLANTS } from './plants/ledger-seen.plants.js'
import { ORDER_PLANTS } from './plants/order.plants.js'
import { WITNESSED_PLANTS } from './plants/witnessed.plants.js'
import { WRITE_PLANTS } from './plants/writes.plants.js'

/** Something of everything: whatever is drawn besides, each plant finds its place. */
const SOME_OF_EACH: Step[] = [
  ...([
    'bundle',
    'clinician-read',
    'create',
    'update',
    'update',
    'own-read',
    'account',
    'checkpoint',
    'blocks',
  ] as const),
  ...(['grant', 'clinician-read', 'clinician-search', 'revoke', 'clinician-read', 'clinician-search'] as const),
  ...(['foreign-read', 'foreign-write', 'create', 'remove', 'checkpoint', 'blocks'] as const),
]

const steps = fc
  .array(fc.constantFrom(...STEPS), { maxLength: 40, size: 'max' })
  .map((more) => [...SOME_OF_EACH, ...more])

function found(world: MadeWorld): string[] {
  return checkHistory(world, world.facts).flatMap(({ name, violations }) => (violations.length > 0 ? [name] : []))
}

const PLANTS = [
  ...WRITE_PLANTS,
  ...LEDGER_PLANTS,
  ...ORDER_PLANTS,
  ...ACCESS_PLANTS,
  ...DISCLOSURE_PLANTS,
  ...ANSWER_PLANTS,
  ...WITNESSED_PLANTS,
]

describe('the history checker', () => {
  it('finds nothing in a history without a fault, and has looked at something in each check', () => {
    const property = fc.property(steps, (drawn) => {
      const world = new MadeWorld(drawn)
      const results = checkHistory(world, world.facts)
      expect(results.flatMap(({ violations }) => violations)).toEqual([])
      expect(results.filter(({ checked }) => checked === 0)).toEqual([])
    })
    fc.assert(property, { numRuns: 50 })
  })

  it.each(PLANTS)('finds by "%s": %s', (check, _what, plant) => {
    const property = fc.property(steps, (drawn) => {
      const world = new MadeWorld(drawn)
      plant(world)
      expect(found(world)).toEqual([check])
    })
    fc.assert(property, { numRuns: 10 })
  })

  it('has a plant for each of its checks', () => {
    const world = new MadeWorld(SOME_OF_EACH)
    const names = checkHistory(world, world.facts).map(({ name }) => name)
    expect([...new Set(PLANTS.map(([check]) => check))].toSorted()).toEqual(names.toSorted())
  })

  it('takes both answers beside a change', () => {
    const world = new MadeWorld(SOME_OF_EACH)
    const { startedAt, endedAt } = first(world, 'revoke')
    const refused = { outcome: 'refused' as const, status: 404, versions: [] }
    const reader = { operation: 'read', actorId: 'clinician', clinician: 0 } as const
    world.tell({ ...reader, ...refused, startedAt: startedAt - 1, endedAt: startedAt + 1 })
    show(world, world.tell({ ...reader, startedAt: endedAt - 1, endedAt: endedAt + 1 }))
    expect(found(world)).toEqual([])
  })

  it('takes both answers after a change whose client had no answer', () => {
    const world = new MadeWorld(['grant'])
    first(world, 'grant').outcome = 'unknown'
    const reader = { operation: 'read', actorId: 'clinician', clinician: 0, startedAt: 1e6, endedAt: 1e6 + 1 } as const
    show(world, world.tell(reader))
    world.tell({ ...reader, outcome: 'refused', status: 404, versions: [] })
    expect(found(world)).toEqual([])
  })

  it('takes what was stored for a client that had no answer', () => {
    const world = new MadeWorld(SOME_OF_EACH)
    world.facts.keys.set('lost', [world.newVersion('Observation/lost', 'create')])
    world.tell({ operation: 'create', outcome: 'unknown', status: null, key: 'lost', answers: [] })
    const { resource, basedOn } = first(world, 'revoke')
    world.newVersion(resource!, 'update')
    world.tell({
      operation: 'revoke',
      outcome: 'unknown',
      status: null,
      clinician: 0,
      resource: resource!,
      basedOn: basedOn!,
    })
    world.seal()
    expect(found(world)).toEqual([])
  })
})
