// Events to a webhook: each until it was taken, in its producer's order, and put aside when that goes on for too long.
import { consume, positionFile, type BrokerOptions, type Consumer, type Trouble } from '@careseal/client'
import { deliver, type Webhook } from './deliver.js'

export type ForwarderOptions = {
  nats: BrokerOptions
  /** The consumer's name as the operator registered it. */
  name: string
  webhook: Webhook
  /** Where it is kept how far the forwarding has come. */
  positionFile: string
  /** Waiting times before the second, third … attempt; as many attempts as these and one. */
  backoffMs?: readonly number[]
  onTrouble?: (trouble: Trouble) => void
}

const BACKOFF_MS = [1000, 5000, 30_000, 120_000, 600_000]
const ANSWER_MS = 15_000

export function forward(options: ForwarderOptions): Promise<Consumer> {
  const { nats, name, webhook, backoffMs = BACKOFF_MS, onTrouble = () => undefined } = options
  return consume({
    nats,
    durable: name,
    types: ['ConsentGranted', 'ConsentRevoked'],
    from: 'beginning',
    positions: positionFile(options.positionFile),
    handlerTimeoutMs: ANSWER_MS,
    backoffMs,
    maxAttempts: backoffMs.length + 1,
    onEvent: (event, context) => deliver(webhook, event, context),
    onTrouble,
  })
}
