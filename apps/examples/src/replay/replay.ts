// Everything again from the very first event on. The broker is needed to reach the producers, not for what it stores: it
// may have lost all of it.
import { consume, type BrokerOptions, type EventContext, type EventOf, type Trouble } from '@careseal/client'

const TYPES = ['ConsentGranted', 'ConsentRevoked'] as const

export type ReplayOptions = {
  nats: BrokerOptions
  /** The consumer's name as the operator registered it. */
  name: string
  /** How many events of each producer there are: `ledgerHeads`. */
  heads: (types: typeof TYPES) => Promise<Record<string, number>>
  onEvent: (event: EventOf<(typeof TYPES)[number]>, context: EventContext) => void
  /** What it waits for meanwhile, such as a producer that does not answer. */
  onTrouble: (trouble: Trouble) => void
}

/**
 * Resolves when every event was handed on or put aside that was on the ledger when it began, with those put aside: they
 * are missing from what was handed on.
 */
export async function replay({ nats, name, heads, onEvent, ...options }: ReplayOptions): Promise<Trouble[]> {
  const aside: Trouble[] = []
  const onTrouble = (trouble: Trouble) => {
    if (trouble.kind === 'dead-letter') aside.push(trouble)
    else options.onTrouble(trouble)
  }
  await using consumer = await consume({ nats, durable: name, types: TYPES, from: 'beginning', onEvent, onTrouble })
  await consumer.reached(await heads(TYPES))
  return aside
}
