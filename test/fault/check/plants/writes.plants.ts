// Writes that were lost, doubled, or done behind a refusal.
import { eventOf, first, type Plant } from '../planting.fixture.js'

const SEALED = 'each acknowledged write is one event in one sealed block'
const KEYS = 'one idempotency key has one effect and one answer'
const UNTOLD = 'each stored version was acknowledged, or its client had no answer'

export const WRITE_PLANTS: readonly Plant[] = [
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
]
