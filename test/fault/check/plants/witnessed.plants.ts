// A ledger that published past its witnesses, and witnesses that forgot, or saw another history.
import { first, last, type Plant } from '../planting.fixture.js'
import { signedNote, WITNESSES } from '../made-notes.fixture.js'

const QUORUM = 'each checkpoint that was published bears the quorum of its witnesses'
const HELD = 'what each witness holds is this ledger, and none has evidence against it'
const ELSEWHERE = 'ab'.repeat(32)

export const WITNESSED_PLANTS: readonly Plant[] = [
  [
    QUORUM,
    'a checkpoint shown with one cosignature too few',
    (world) => {
      const { checkpoint } = last(world, 'checkpoint')
      checkpoint!.note = world.cosigned(checkpoint!, 1e6, WITNESSES.slice(0, 1))
    },
  ],
  [
    QUORUM,
    'a published checkpoint that one witness signed twice',
    (world) => {
      const [one] = WITNESSES
      world.facts.witnessed.published = world.cosigned(world.checkpoint(), 1e6, [one!, one!])
    },
  ],
  [
    QUORUM,
    'cosignatures of another checkpoint',
    (world) => {
      const { checkpoint } = first(world, 'checkpoint')
      const other = world.cosigned({ ...checkpoint!, root: ELSEWHERE }, 1)
      checkpoint!.note = checkpoint!.note.split('\n\n')[0] + other.slice(other.indexOf('\n\n'))
    },
  ],
  [
    HELD,
    'a witness with another tree',
    (world) => {
      const { size } = world.checkpoint()
      world.facts.witnessed.witnesses[2]!.note = signedNote({ size, root: ELSEWHERE }, 1e6)
    },
  ],
  [
    HELD,
    'a witness that forgot what it co-signed',
    (world) => {
      world.facts.witnessed.witnesses[0]!.note = first(world, 'checkpoint').checkpoint!.note
    },
  ],
  [
    HELD,
    'a witness that has co-signed nothing',
    (world) => {
      world.facts.witnessed.witnesses[1]!.note = null
    },
  ],
  [
    HELD,
    'a witness whose cosignature is that of another',
    (world) => {
      world.facts.witnessed.witnesses[1]!.note = world.cosigned(world.checkpoint(), 1e6, WITNESSES.slice(0, 1))
    },
  ],
  [
    HELD,
    'a witness with evidence of a fork',
    (world) => {
      world.facts.witnessed.witnesses[1]!.evidence = 1
    },
  ],
]
