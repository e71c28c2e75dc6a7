// A checker that cannot fail is worth nothing: each check finds what is planted for it, it alone, and nothing else.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../load/history.js'
import { checkHistory } from './check-history.js'
import { MadeWorld, STEPS, type Step } from './made-world.fixture.js'

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

const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 40 }).map((more) => [...SOME_OF_EACH, ...more])

function found(world: MadeWorld): string[] {
  return checkHistory(world, world.facts).flatMap(({ name, violations }) => (violations.length > 0 ? [name] : []))
}

const SEALED = 'each acknowledged write is one event in one sealed block'
const KEYS = 'one idempotency key has one effect and one answer'
const UNTOLD = 'each stored version was acknowledged, or its client had no answer'
const SEEN = 'checkpoints and blocks that clients saw are those of the ledger'
const BACK = 'what a client sees of the ledger never goes back'
const ORDER = 'versions come in the order in which they were acknowledged'
const WITHOUT_GRANT = 'nothing is shown before its grant and after its revocation'
const REFUSED = 'nothing is refused while its grant is in force'
const FOREIGN = 'no patient touches what is another’s'
const DISCLOSED = 'each disclosure is recorded, under a permit that was given for it alone'
const ANSWERS = 'each answer is one that its request may get'

const first = (world: MadeWorld, operation: string): Entry => world.entries.find((one) => one.operation === operation)!
const last = (world: MadeWorld, operation: string): Entry =>
  world.entries.findLast((one) => one.operation === operation)!
const eventOf = (world: MadeWorld, entry: Entry) => {
  const name = entry.answers![0]![0]!
  return { name, at: world.facts.writes.findIndex((one) => one.name === name) }
}
const readsOf = (world: MadeWorld, operation: string, isShown: boolean) =>
  world.entries.filter(
    (one) => one.operation === operation && one.clinician === 0 && one.versions!.length > 0 === isShown,
  )

function show(world: MadeWorld, read: Entry): void {
  const versions = [world.facts.versions[0]!.location]
  world.disclose(read.actorId!, read.operation.replace('foreign-', ''), versions)
  Object.assign(read, { outcome: 'ok', status: 200, versions })
}

type Plant = [check: string, what: string, plant: (world: MadeWorld) => void]

const plants: Plant[] = [
  [
    SEALED,
    'an acknowledged write without an event',
    (world) => {
      world.facts.writes.splice(eventOf(world, first(world, 'create')).at, 1)
    },
  ],
  [
    SEALED,
    'an acknowledged account without an event',
    (world) => {
      world.facts.writes.splice(eventOf(world, first(world, 'open-account')).at, 1)
    },
  ],
  [
    SEALED,
    'an acknowledged consent without an event',
    (world) => {
      world.facts.writes.splice(eventOf(world, first(world, 'grant')).at, 1)
    },
  ],
  [
    SEALED,
    'two events of one write',
    (world) => {
      const { at } = eventOf(world, first(world, 'create'))
      world.facts.writes.push({ ...world.facts.writes[at]!, seq: 77_777 })
    },
  ],
  [
    SEALED,
    'an event without a number',
    (world) => {
      world.facts.writes[eventOf(world, first(world, 'create')).at]!.seq = null
    },
  ],
  [
    SEALED,
    'an event in no block',
    (world) => {
      world.facts.writes[eventOf(world, first(world, 'create')).at]!.seq = 77_777
    },
  ],
  [
    SEALED,
    'an event in two blocks',
    (world) => {
      const { producer, seq } = world.facts.writes[eventOf(world, first(world, 'create')).at]!
      const place = { height: 9_999, hash: '', time: 9_999, controls: 0, firstIndex: 9_999, treeSize: 10_001 }
      world.facts.blocks.push({ ...place, runs: [{ producer, fromSeq: seq!, count: 1 }] })
    },
  ],
  [
    SEALED,
    'another leaf in the place of an event',
    (world) => {
      world.facts.writes[eventOf(world, first(world, 'create')).at]!.leafHash = 'another'
    },
  ],
  [
    SEALED,
    'an acknowledged deletion that is nowhere',
    (world) => {
      const { versions } = world.facts
      versions.splice(
        versions.findIndex(({ interaction }) => interaction === 'delete'),
        1,
      )
    },
  ],
  [
    KEYS,
    'a repeated write with two effects',
    (world) => {
      const entry = first(world, 'create')
      entry.answers!.push([world.newVersion('Observation/doubled', 'create')])
      world.seal()
    },
  ],
  [
    KEYS,
    'another answer in the service’s memory of a key',
    (world) => {
      world.facts.keys.set(first(world, 'create').key!, ['Observation/other/_history/other'])
    },
  ],
  [
    KEYS,
    'one location told to two clients',
    (world) => {
      const [one, other] = world.entries.filter(({ operation }) => operation === 'create')
      world.tell({ ...one!, n: world.entries.length, key: `${other!.key}-fresh` })
    },
  ],
  [
    UNTOLD,
    'a version that nobody was told of',
    (world) => {
      world.newVersion('Observation/untold', 'create')
    },
  ],
  [
    UNTOLD,
    'a refused write that was stored',
    (world) => {
      const location = world.newVersion('Observation/refused', 'create')
      world.facts.keys.set('refused', [location])
      world.tell({ operation: 'create', outcome: 'refused', status: 412, key: 'refused', answers: [] })
    },
  ],
  [
    SEEN,
    'a checkpoint with another root',
    (world) => {
      first(world, 'checkpoint').checkpoint!.root = 'another'
    },
  ],
  [
    SEEN,
    'a checkpoint beyond the ledger',
    (world) => {
      last(world, 'checkpoint').checkpoint!.size += 10_000
    },
  ],
  [
    SEEN,
    'another block at a height',
    (world) => {
      first(world, 'blocks').blocks![0]!.hash = 'another'
    },
  ],
  [
    BACK,
    'a smaller checkpoint after a larger one',
    (world) => {
      world.tell({ operation: 'checkpoint', checkpoint: first(world, 'checkpoint').checkpoint! })
    },
  ],
  [
    BACK,
    'an older newest block',
    (world) => {
      world.tell({ operation: 'blocks', blocks: first(world, 'blocks').blocks! })
    },
  ],
  [
    BACK,
    'a time that goes back',
    (world) => {
      const blocks = structuredClone(last(world, 'blocks').blocks!)
      blocks.at(-1)!.time -= 1
      world.tell({ operation: 'blocks', blocks })
    },
  ],
  [
    ORDER,
    'an update that was lost under another',
    (world) => {
      last(world, 'update').basedOn = 'another'
    },
  ],
  [
    ORDER,
    'versions in another order on the ledger',
    (world) => {
      const [one, other] = world.entries
        .filter(({ operation }) => operation === 'update')
        .map((entry) => world.facts.writes[eventOf(world, entry).at]!)
      const { seq, leafHash } = one!
      Object.assign(one!, { seq: other!.seq, leafHash: other!.leafHash })
      Object.assign(other!, { seq, leafHash })
    },
  ],
  [
    ORDER,
    'an old version shown after a newer one was acknowledged',
    (world) => {
      const old = `${first(world, 'update').resource}/_history/${first(world, 'update').basedOn}`
      world.disclose('patient', 'read', [old])
      const later = { startedAt: 1e6, endedAt: 1e6 + 1 }
      world.tell({ operation: 'read', actorId: 'patient', versions: [old], ...later })
    },
  ],
  [
    WITHOUT_GRANT,
    'a read before the first grant',
    (world) => {
      show(world, readsOf(world, 'read', false)[0]!)
    },
  ],
  [
    WITHOUT_GRANT,
    'a read after the revocation',
    (world) => {
      const { endedAt } = first(world, 'revoke')
      show(
        world,
        readsOf(world, 'read', false).find(({ startedAt }) => startedAt > endedAt)!,
      )
    },
  ],
  [
    WITHOUT_GRANT,
    'a search that finds something after the revocation',
    (world) => {
      show(world, readsOf(world, 'search', false)[0]!)
    },
  ],
  [
    REFUSED,
    'a refusal while the grant is in force',
    (world) => {
      Object.assign(readsOf(world, 'read', true)[0]!, { outcome: 'refused', status: 404, versions: [] })
    },
  ],
  [
    REFUSED,
    'an empty search while the grant is in force',
    (world) => {
      readsOf(world, 'search', true)[0]!.versions = []
    },
  ],
  [
    REFUSED,
    'a patient refused the own record',
    (world) => {
      const own = world.entries.find(({ actorId }) => actorId === 'patient')!
      Object.assign(own, { outcome: 'refused', status: 404, versions: [] })
    },
  ],
  [
    FOREIGN,
    'a foreign record shown',
    (world) => {
      show(world, first(world, 'foreign-read'))
    },
  ],
  [
    FOREIGN,
    'a foreign search that finds something',
    (world) => {
      show(world, world.tell({ operation: 'foreign-search', actorId: 'stranger', versions: [] }))
    },
  ],
  [
    FOREIGN,
    'a foreign write accepted',
    (world) => {
      Object.assign(first(world, 'foreign-write'), { outcome: 'ok', status: 201 })
    },
  ],
  [
    DISCLOSED,
    'a disclosure without RecordRead',
    (world) => {
      world.facts.reads.pop()
    },
  ],
  [
    DISCLOSED,
    'a RecordRead that names another actor',
    (world) => {
      Object.assign(world.facts.reads[0]!, { actorId: 'another' })
      Object.assign(world.facts.permits[0]!, { actorId: 'another' })
    },
  ],
  [
    DISCLOSED,
    'a RecordRead that names another version',
    (world) => {
      world.facts.reads[0]!.versions = ['Observation/other/_history/other']
    },
  ],
  [
    DISCLOSED,
    'a permit that consent never gave',
    (world) => {
      world.facts.permits.pop()
    },
  ],
  [
    DISCLOSED,
    'a permit of another patient',
    (world) => {
      world.facts.permits[0]!.patientId = 'another'
    },
  ],
  [
    DISCLOSED,
    'a disclosure without a permit',
    (world) => {
      world.facts.reads[0]!.permitId = null
    },
  ],
  [
    DISCLOSED,
    'one permit used twice',
    (world) => {
      world.facts.reads.push({ ...world.facts.reads[0]!, eventId: 'again' })
    },
  ],
  [
    ANSWERS,
    'an answer that no client may get',
    (world) => {
      Object.assign(first(world, 'read'), { unexpected: '500 internal-error' })
    },
  ],
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

  it.each(plants)('finds by "%s": %s', (check, _what, plant) => {
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
    expect([...new Set(plants.map(([check]) => check))].toSorted()).toEqual(names.toSorted())
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
