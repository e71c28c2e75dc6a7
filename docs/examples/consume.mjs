// Consumes events of a ledger of this machine with a durable consumer and nothing but a NATS client. The first half is what
// `careseal consumer add` does for a service of somebody else, the second what such a service does.
//
//   node docs/examples/consume.mjs <nats url> <folder with the nkey seeds> [how many events, then end]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, nkeyAuthenticator } from 'nats'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'

const [url, seeds, limit = 'Infinity'] = process.argv.slice(2)
const NAME = 'outside-example'

const login = (user) =>
  connect({
    servers: url,
    name: user,
    inboxPrefix: `_INBOX.${user}`,
    authenticator: nkeyAuthenticator(readFileSync(join(seeds, `nats-${user}.nk`))),
  })

// Only the deployer may make consumers; a consuming service may pull from its own and acknowledge, no more.
const deployer = await login('deployer')
await (
  await jetstreamManager(deployer)
).consumers.add('EVENTS', {
  durable_name: NAME,
  ack_policy: AckPolicy.Explicit,
  filter_subjects: ['evt.consent.>', 'evt.records.>'],
})
await deployer.drain()

const connection = await login(NAME)
const consumer = await jetstream(connection).consumers.get('EVENTS', NAME)
const seen = new Set() // in a service: a table with the event's id as key, in the transaction that uses the event
for await (const message of await consumer.consume()) {
  const event = message.json()
  if (!seen.has(event.id)) console.log(event.time, event.type, JSON.stringify(event.data))
  seen.add(event.id)
  message.ack()
  if (seen.size >= Number(limit)) break
}
await connection.drain()
