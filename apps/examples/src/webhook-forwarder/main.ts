import { required } from '../environment.js'
import { forward } from './forwarder.js'
import { webhookFrom } from './webhook-from.js'

const ended = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.resolve())

await using forwarder = await forward({
  nats: { url: required('NATS_URL'), seedFile: required('NATS_SEED_FILE') },
  name: required('CONSUMER'),
  webhook: webhookFrom({ url: required('WEBHOOK_URL'), secrets: required('WEBHOOK_SECRETS') }),
  positionFile: required('POSITION_FILE'),
  onTrouble: ({ kind, producer, seq, error }) => console.error(kind, producer, seq, String(error)),
})
console.log(`forwarding from ${JSON.stringify(forwarder.status().position)}`)
await ended.promise
