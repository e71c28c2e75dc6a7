// The smallest stack of the test kit: a ledger that no service writes to, and no logins, which are identity's.
import { createCaresealStack } from '@careseal/test-kit'
import { expect, it } from 'vitest'
import { UP_DEADLINE_MS } from '../support/careseal.js'

it(
  'a sequencer alone starts, publishes its checkpoint, and says why it has no token',
  async () => {
    await using stack = await createCaresealStack({
      mode: 'native',
      services: ['ledger-sequencer'],
      log: () => undefined,
    })
    expect(Object.keys(stack.services)).toEqual(['ledger-sequencer'])
    const checkpoint = await fetch(`${stack.origin}/ledger/checkpoint`)
    expect(Number((await checkpoint.text()).split('\n')[1])).toBeGreaterThan(0)
    expect(stack.logins).toEqual([])
    await expect(stack.token('operator')).rejects.toMatchObject({
      code: 'no-logins',
      message: expect.stringContaining('identity is not among the services (ledger-sequencer)'),
    })
    await stack.untilSealed()
  },
  UP_DEADLINE_MS,
)
