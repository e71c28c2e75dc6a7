import type { Msg, NatsConnection } from 'nats'
import { expect, it } from 'vitest'
import { answerErasures } from './erasures.js'

function closed(): never {
  throw new Error('the connection is closed')
}

type Heard = (error: Error | null, message: Msg) => void

it('an erasure that cannot be answered any more is told, and ends nothing', async () => {
  let hear: Heard = closed
  const subscription = { drain: async () => {} }
  const subscribe = (_subject: string, { callback }: { callback: Heard }) => {
    hear = callback
    return subscription
  }
  const troubles: unknown[] = []
  const erasures = answerErasures({ subscribe } as unknown as NatsConnection, 'registry', {
    forget: async (subjectIds) => subjectIds.length,
    onTrouble: (error) => void troubles.push(error),
  })
  const question = { subjectIds: ['00000000-0000-4000-8000-000000000001'] }
  hear(null, { json: () => question, respond: closed } as unknown as Msg)
  await erasures.stop()
  expect(troubles).toEqual([new Error('the connection is closed')])
})
