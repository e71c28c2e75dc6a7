// Answers outside of the interface.
import { first, type Plant } from '../planting.fixture.js'

const ANSWERS = 'each answer is one that its request may get'

export const ANSWER_PLANTS: readonly Plant[] = [
  [
    ANSWERS,
    'an answer that no client may get',
    (world) => {
      Object.assign(first(world, 'read'), { unexpected: '500 internal-error' })
    },
  ],
]
