import { signerOf } from '@careseal/contracts'
import { freePort, startNats, type RunningNats } from '@careseal/stack'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { createUser } from '@nats-io/nkeys'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'nats'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { request } from '../calls/request.js'
import { respond } from '../calls/respond.js'
import { connectNats, type NatsConnection } from '../connection.js'
import { FakeProducer, ORIGIN } from '../fake-producer.fixture.js'
import { onNotice, publishNotice } from '../notices.js'
import { publishEvents } from '../publish.js'
import { readEvents } from '../reader/event-reader.js'
import { ensureStreams } from '../streams.js'
import { renderNatsConfig } from './nats-config.js'
import { DEPLOYER, OUTSIDE_EXAMPLE, SERVICES } from './permissions.js'

const NAMES = [...Object.keys(SERVICES), DEPLOYER, OUTSIDE_EXAMPLE]
const PERMIT = '00000000-0000-4000-8000-000000000001'

let folder: string
let nats: RunningNats
const connections = new Map<string, NatsConnection>()
const producers = new Map((['audit', 'consent', 'identity', 'records'] as const).map((n) => [n, new FakeProducer(n)]))

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-permissions-'))
  const users = NAMES.map((name) => ({ name, publicNkey: newUser(name) }))
  const port = await freePort()
  const config = renderNatsConfig({ users, port, storeDir: join(folder, 'store') })
  nats = await startNats({ dataDir: folder, port, config })
  for (const name of NAMES) connections.set(name, await connectAs(name))
  await ensureStreams(as(DEPLOYER), true)
  for (const [name, producer] of producers) producer.answerOn(as(name))
})

afterAll(async () => {
  await Promise.all([...connections.values()].map((nc) => nc.close()))
  await nats?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function newUser(name: string): string {
  const user = createUser()
  writeFileSync(join(folder, `${name}.nk`), `# ${name}\n${new TextDecoder().decode(user.getSeed())}\n`)
  return user.getPublicKey()
}

function connectAs(name: string): Promise<NatsConnection> {
  return connectNats({ url: nats.url, name, seedFile: join(folder, `${name}.nk`) })
}

function as(name: string): NatsConnection {
  const nc = connections.get(name)
  if (nc === undefined) throw new Error(`no connection of ${name}`)
  return nc
}

const slowly = () => sleep(1)

async function isRefusedPublication(name: string, subject: string): Promise<boolean> {
  const nc = await connectAs(name)
  try {
    return await refusal(nc, () => nc.publish(subject, '{}'))
  } finally {
    await nc.close()
  }
}

async function isRefusedSubscription(name: string, subject: string): Promise<boolean> {
  const nc = await connectAs(name)
  try {
    return await refusal(nc, () => void nc.subscribe(subject, { callback: () => undefined }))
  } finally {
    await nc.close()
  }
}

// The server answers a violation before it answers the ping of the flush behind it.
async function refusal(nc: NatsConnection, act: () => void): Promise<boolean> {
  const errors: string[] = []
  const watch = async () => {
    for await (const status of nc.status()) if (status.type === 'error') errors.push(status.error.name)
  }
  void watch()
  act()
  await nc.flush()
  await sleep(20)
  return errors.includes('PermissionViolationError')
}

describe('permissions let a service do its work', () => {
  it('publishes its own events in atomic batches', async () => {
    for (const [name, producer] of producers) {
      await expect(publishEvents(as(name), producer.add(20))).resolves.toBeUndefined()
    }
  })

  it.each(['ledger-sequencer', 'audit'])('%s reads all producers, from the stream and by replay', async (name) => {
    producers.get('consent')?.add(5)
    let delivered = 0
    const start = Object.fromEntries([...producers.keys()].map((producer) => [producer, { seq: 0, link: '' }]))
    const deliver = async (batch: unknown[]) => void (delivered += batch.length)
    const trouble = vi.fn<(error: unknown) => void>()
    const options = { producers: start, deliver, onTrouble: trouble, headIntervalMs: 300 }
    const reader = readEvents({ nc: as(name), origin: ORIGIN, ...options })
    reader.start()
    const total = [...producers.values()].reduce((sum, producer) => sum + producer.events.length, 0)
    await vi.waitFor(() => expect(delivered).toBe(total), { timeout: 5000 })
    await reader.stop()
    expect(trouble.mock.calls).toEqual([])
  })

  it('lets a fast stream wait for a slow reader', async () => {
    const records = producers.get('records') as FakeProducer
    await publishEvents(as('records'), records.add(4000))
    const start = { records: { seq: 0, link: '' } }
    const small = { maxBatch: 50, maxBufferedBytes: 100_000 }
    const reader = readEvents({
      nc: as('ledger-sequencer'),
      origin: ORIGIN,
      producers: start,
      deliver: slowly,
      ...small,
    })
    reader.start()
    await vi.waitFor(() => expect(reader.position()).toEqual({ records: records.head }), { timeout: 20_000 })
    await reader.stop()
  })

  it('records asks consent for a decision, and gets it', async () => {
    const decision = { permitted: true, patientId: PERMIT, permitId: PERMIT, validForMs: 5000 } as const
    const responder = respond(as('consent'), 'consent', 'decide-access', () => ({ decisions: [decision] }))
    await as('consent').flush()
    const caller = { accountId: PERMIT, clientId: 'c', role: 'patient' as const, scopes: [] }
    const question = {
      caller,
      patientIds: [PERMIT],
      action: 'read' as const,
      types: ['Patient'],
      purpose: 'TREAT' as const,
    }
    const reply = await request(as('records'), 'consent', 'decide-access', question, { deadlineMs: 2000 })
    expect(reply.decisions).toEqual([decision])
    await responder.stop()
  })

  it('a service tells the signer its tombstones, and the deployer has keys destroyed', async () => {
    const sequencer = as('ledger-sequencer')
    const desk = respond(sequencer, signerOf('records'), 'list-tombstones', () => ({ tombstones: [], next: null }))
    const destroyer = respond(as('records'), 'records', 'destroy-subject-keys', () => ({ keys: 2 }))
    await Promise.all([sequencer.flush(), as('records').flush()])
    const page = { after: 0, limit: 10 }
    const listed = request(as('records'), signerOf('records'), 'list-tombstones', page, { deadlineMs: 2000 })
    expect(await listed).toEqual({ tombstones: [], next: null })
    const subjects = { subjectIds: [PERMIT] }
    const destroyed = request(as(DEPLOYER), 'records', 'destroy-subject-keys', subjects, { deadlineMs: 2000 })
    expect(await destroyed).toEqual({ keys: 2 })
    await Promise.all([desk.stop(), destroyer.stop()])
  })

  it('has a durable consumer of its own, with acknowledgements that arrive', async () => {
    const nc = as('audit')
    const manager = await jetstreamManager(nc, { checkAPI: false })
    const config = { durable_name: 'audit', ack_policy: AckPolicy.Explicit, filter_subjects: ['evt.identity.>'] }
    await manager.consumers.add('EVENTS', config)
    const consumer = await jetstream(nc).consumers.get('EVENTS', 'audit')
    const message = await consumer.next({ expires: 2000 })
    message?.working()
    expect(await message?.ackAck({ timeout: 2000 })).toBe(true)
  })

  it('lets the outside consumer read what the deployer gave it', async () => {
    const deployer = await jetstreamManager(as(DEPLOYER), { checkAPI: false })
    const filter = { filter_subjects: ['evt.consent.>'] }
    await deployer.consumers.add('EVENTS', { durable_name: OUTSIDE_EXAMPLE, ack_policy: AckPolicy.Explicit, ...filter })
    const consumer = await jetstream(as(OUTSIDE_EXAMPLE)).consumers.get('EVENTS', OUTSIDE_EXAMPLE)
    const message = await consumer.next({ expires: 2000 })
    expect(message?.subject).toBe('evt.consent.consent.consent-read')
    expect(await message?.ackAck({ timeout: 2000 })).toBe(true)
  })

  it('lets the sequencer announce, and producers hear it', async () => {
    const heard = vi.fn<(notice: unknown) => void>()
    const stop = onNotice(as('records'), 'ledger.block-sealed', heard)
    await as('records').flush()
    publishNotice(as('ledger-sequencer'), 'ledger.block-sealed', { height: 1, treeSize: 4, headerHash: 'a'.repeat(64) })
    await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
    stop()
  })
})

describe('permissions refuse the rest', () => {
  it.each([
    ['records', 'evt.consent.consent.consent-granted'],
    ['ledger-sequencer', 'evt.records.record.record-read'],
    ['identity', 'cmd.consent.decide-access'],
    ['records', 'cmd.identity.open-leaf'],
    ['consent', 'ledger.block-sealed'],
    ['consent', 'cmd.signer.records.list-tombstones'],
    ['records', 'cmd.records.destroy-subject-keys'],
    ['records', '_INBOX.consent.forged'],
    ['audit', '$JS.API.STREAM.DELETE.EVENTS'],
    ['audit', '$JS.API.STREAM.UPDATE.EVENTS'],
    ['audit', '$JS.API.STREAM.CREATE.EVENTS'],
    ['audit', '$JS.API.STREAM.MSG.DELETE.EVENTS'],
    ['audit', '$JS.API.STREAM.PURGE.EVENTS'],
    ['audit', '$JS.API.CONSUMER.DELETE.EVENTS.consent'],
    ['audit', '$JS.API.CONSUMER.CREATE.EVENTS'],
    ['audit', '$JS.API.CONSUMER.CREATE.EVENTS.consent'],
    ['audit', '$JS.API.CONSUMER.CREATE.EVENTS.ledger-sequencer-reader-0'],
    ['audit', '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.consent'],
    ['audit', '$JS.API.CONSUMER.MSG.NEXT.EVENTS.outside-example'],
    ['audit', '$JS.ACK.EVENTS.outside-example.1.1.1.1.0'],
    ['audit', 'dlq.consent'],
    [OUTSIDE_EXAMPLE, '$JS.API.CONSUMER.CREATE.EVENTS'],
    [OUTSIDE_EXAMPLE, '$JS.API.CONSUMER.MSG.NEXT.EVENTS.audit'],
    [OUTSIDE_EXAMPLE, 'evt.consent.consent.consent-granted'],
    [DEPLOYER, 'evt.consent.consent.consent-granted'],
  ])('%s publishes nothing to %s', async (name, subject) => {
    expect(await isRefusedPublication(name, subject)).toBe(true)
  })

  it.each([
    ['records', '_INBOX.consent.>'],
    ['records', '_INBOX.>'],
    ['records', 'cmd.consent.decide-access'],
    ['records', 'cmd.signer.records.add-tombstones'],
    ['identity', 'evt.>'],
    ['ledger-sequencer', '>'],
    [OUTSIDE_EXAMPLE, 'evt.consent.>'],
    [DEPLOYER, 'cmd.>'],
  ])('%s hears nothing of %s', async (name, subject) => {
    expect(await isRefusedSubscription(name, subject)).toBe(true)
  })

  it('nobody gets in without a key', async () => {
    const stranger = connect({ servers: nats.url, reconnect: false, timeout: 2000 })
    await expect(stranger).rejects.toThrow('Authorization Violation')
  })

  it.each([
    ['ledger-sequencer', '$JS.API.CONSUMER.CREATE.EVENTS.ledger-sequencer-reader-0'],
    ['audit', '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.audit'],
  ])('%s cannot name the consumer of another in the body of %s', async (name, subject) => {
    const config = { ack_policy: 'explicit', filter_subjects: ['evt.records.>'] }
    for (const naming of [{ durable_name: OUTSIDE_EXAMPLE }, { name: OUTSIDE_EXAMPLE }]) {
      const body = JSON.stringify({ stream_name: 'EVENTS', config: { ...config, ...naming }, action: '' })
      const reply = await as(name).request(subject, body, { timeout: 2000 })
      const { error, name: made } = reply.json<{ error?: unknown; name?: string }>()
      expect(error !== undefined || made === subject.split('.').at(-1)).toBe(true)
    }
    const deployer = await jetstreamManager(as(DEPLOYER), { checkAPI: false })
    const { config: kept } = await deployer.consumers.info('EVENTS', OUTSIDE_EXAMPLE)
    expect(kept.filter_subjects ?? [kept.filter_subject]).toEqual(['evt.consent.>'])
  })
})
