// A ledger that showed clients something else before, or less later.
import { first, last, type Plant } from '../planting.fixture.js'

const SEEN = 'checkpoints and blocks that clients saw are those of the ledger'
const BACK = 'what a client sees of the ledger never goes back'

export const LEDGER_PLANTS: readonly Plant[] = [
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
    'the same size, co-signed earlier',
    (world) => {
      const { size, root } = last(world, 'checkpoint').checkpoint!
      world.tell({ operation: 'checkpoint', checkpoint: { size, root, note: world.cosigned({ size, root }, 1) } })
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
]
