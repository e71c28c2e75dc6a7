// One consumer with a handler that does nothing, in a process of its own: what is measured is the client.
import { consume, type Position } from '@careseal/client'
import { setTimeout as sleep } from 'node:timers/promises'
import { note, serve } from './child-host.js'

export type ConsumeTask = { url: string; seedFile: string; origin: string; from: Position; until: number }

serve(
  {
    /** Answers once everything is loaded: from here on it is the client that is measured. */
    ready: async () => true,
    /** Answers the milliseconds from the first event to the last one. */
    consume: async ({ url, seedFile, origin, from, until }: ConsumeTask) => {
      let handled = 0
      let began = 0
      const troubles: string[] = []
      const consumer = await consume({
        nats: { url, seedFile },
        durable: 'bench',
        types: ['AccessPermitted'],
        from,
        origin,
        onEvent: () => {
          if (handled++ === 0) began = performance.now()
        },
        onTrouble: ({ kind, error }) => void troubles.push(`${kind}: ${String(error)}`),
      })
      const seq = () => consumer.status().position['consent']?.seq ?? 0
      while (seq() < until) {
        await sleep(20)
        note(seq())
      }
      const took = performance.now() - began
      const position = consumer.status().position
      await consumer.stop()
      return { took, handled, position, troubles: troubles.slice(0, 3) }
    },
  },
  async () => {},
)
