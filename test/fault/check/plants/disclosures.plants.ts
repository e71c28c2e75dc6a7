// Disclosures that nobody wrote down, or that no permit covers.
import type { Plant } from '../planting.fixture.js'

const DISCLOSED = 'each disclosure is recorded, under a permit that was given for it alone'

export const DISCLOSURE_PLANTS: readonly Plant[] = [
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
]
