// The other side of consumers under measurement, in a process of its own: a broker with a deployment's users and rights,
// and one producer whose events are made when they are asked for, so that a million of them take no memory.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleEvent, subjectOf } from '@careseal/contracts'
import { firstLinkOf, leafHashOf, nextLinkOf, type OutgoingEvent } from '@careseal/event-envelope'
import {
  connectNats,
  ensureOutsideConsumer,
  ensureStreams,
  publishEvents,
  renderAuthorization,
  respond,
  type NatsConnection,
} from '@careseal/messaging'
import { startNats, type RunningNats } from '@careseal/stack'
import { createUser } from '@nats-io/nkeys'
import { serve } from './child-host.js'

const PRODUCER = 'consent'
const TYPE = 'AccessPermitted'
const CONSUMER = 'bench'
const ORIGIN = 'ledger.example/bench'
const PAGE_EVENTS = 550

const folder = mkdtempSync(join(tmpdir(), 'careseal-consume-'))
const sample = sampleEvent(TYPE)
const links: string[] = [firstLinkOf(ORIGIN, PRODUCER)]
let nats: RunningNats
let nc: NatsConnection
let deployer: NatsConnection

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

function leafAt(seq: number) {
  return { producer: PRODUCER, seq, tag: hashOf(`tag ${seq}`), commitment: hashOf(`commitment ${seq}`) }
}

function eventAt(seq: number): OutgoingEvent {
  const id = `00000000-0000-4000-8000-${seq.toString(16).padStart(12, '0')}`
  const body = new TextEncoder().encode(JSON.stringify({ ...sample, id }))
  return { ...leafAt(seq), link: links[seq] as string, body, subject: subjectOf(TYPE) }
}

serve(
  {
    start: async () => {
      const users = ['consent', 'deployer', CONSUMER].map((name) => {
        const user = createUser()
        writeFileSync(join(folder, `${name}.nk`), user.getSeed())
        return { name, publicNkey: user.getPublicKey() }
      })
      const publicNkey = users[2]?.publicNkey ?? ''
      const grant = { name: CONSUMER, types: [TYPE], publicNkey, recipient: false } as const
      const config = renderAuthorization(users, { manageStreams: true, consumers: [{ ...grant, types: [TYPE] }] })
      nats = await startNats({ config, dataDir: join(folder, 'nats') })
      nc = await connectNats({ url: nats.url, name: 'consent', seedFile: join(folder, 'consent.nk') })
      deployer = await connectNats({ url: nats.url, name: 'deployer', seedFile: join(folder, 'deployer.nk') })
      await ensureStreams(nc, true)
      await ensureOutsideConsumer(deployer, { ...grant, types: [TYPE] })
      respond(nc, PRODUCER, 'replay-for', ({ from, limit }) => page(from, limit), { perConsumer: true })
      return { url: nats.url, seedFile: join(folder, `${CONSUMER}.nk`), origin: ORIGIN, pid: nats.pid }
    },
    /** Chains more events, and publishes them where told so. Answers how many there are. */
    add: async (count: number, isPublished: boolean) => {
      for (let done = 0; done < count; done += 1000) {
        const events = Array.from({ length: Math.min(1000, count - done) }, () => {
          links.push(nextLinkOf(links.at(-1) as string, leafHashOf(leafAt(links.length))))
          return eventAt(links.length - 1)
        })
        if (isPublished) await publishEvents(nc, events)
      }
      return links.length - 1
    },
  },
  async () => {
    await nc?.close()
    await deployer?.close()
    await nats?.stop()
    rmSync(folder, { recursive: true, force: true })
  },
)

function page(from: number, limit: number) {
  const count = Math.max(0, Math.min(limit, PAGE_EVENTS, links.length - from))
  const events = Array.from({ length: count }, (_, at) => {
    const { seq, tag, commitment, link, subject, body } = eventAt(from + at)
    return { seq, tag, commitment, link, subject, body: Buffer.from(body).toString('base64') }
  })
  const next = from + count
  return { events, next: next < links.length ? next : null }
}
