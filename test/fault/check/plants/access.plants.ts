// Answers that consent does not allow, and refusals where it does.
import { first, readsOf, show, type Plant } from '../planting.fixture.js'

const WITHOUT_GRANT = 'nothing is shown before its grant and after its revocation'
const REFUSED = 'nothing is refused while its grant is in force'
const FOREIGN = 'no patient touches what is another’s'

export const ACCESS_PLANTS: readonly Plant[] = [
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
    WITHOUT_GRANT,
    'a deletion told of after the revocation',
    (world) => {
      const { endedAt } = first(world, 'revoke')
      readsOf(world, 'read', false).find(({ startedAt }) => startedAt > endedAt)!.status = 410
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
]
