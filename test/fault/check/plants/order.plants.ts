// Versions that overtook one another.
import { eventOf, first, last, type Plant } from '../planting.fixture.js'

const ORDER = 'versions come in the order in which they were acknowledged'

export const ORDER_PLANTS: readonly Plant[] = [
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
]
