// The examples of apps/examples against a real ledger of five services, as a developer of another service tests: the kit
// starts it, a patient decides over HTTP, and nothing is known of the ledger's inside.
import { httpClient, type Trouble } from '@careseal/client'
import { createCaresealStack, type CaresealStack } from '@careseal/test-kit'
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from 'pg'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { forward } from '../../apps/examples/src/webhook-forwarder/forwarder.js'
import { grantOf } from '../support/fhir.js'
import { ExampleProcess } from './example-process.js'

const TYPES = ['ConsentGranted', 'ConsentRevoked'] as const
const CONSUMERS = { 'read-model': TYPES, forwarder: TYPES, replayer: TYPES }
const FHIR = { 'content-type': 'application/fhir+json' }

type Consent = { id: string }

const folder = mkdtempSync(join(tmpdir(), 'careseal-examples-'))
let stack: CaresealStack
let patientId: string
let standing: string[] = []
let decided = 0

beforeAll(async () => {
  stack = await createCaresealStack({ mode: 'native', patients: 1, consumers: CONSUMERS })
  patientId = stack.patients[0]!.id
}, 600_000)

afterAll(async () => {
  await stack?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 60_000, interval: 200 })
const call = () => httpClient({ origin: stack.origin, token: () => stack.token('patient-1') })

async function grant(): Promise<Consent> {
  const { body: consent } = await call()('POST /fhir/Consent', { body: grantOf(patientId, {}), headers: FHIR })
  standing = [...standing, consent.id].toSorted()
  decided++
  return consent
}

async function revoke({ id, ...consent }: Consent): Promise<void> {
  const body = { ...consent, id, status: 'inactive' }
  await call()('PUT /fhir/Consent/{id}', { path: { id }, body, headers: FHIR })
  standing = standing.filter((each) => each !== id)
  decided++
}

function environment(consumer: keyof typeof CONSUMERS): Record<string, string> {
  const { url, seedFile } = stack.consumer(consumer).nats
  return { NATS_URL: url, NATS_SEED_FILE: seedFile, CONSUMER: consumer, LEDGER_URL: stack.origin }
}

/** Loses all of the broker's data. The operator makes the consumers anew; the services see to the stream. */
async function wipeBroker(): Promise<void> {
  await stack.nats.wipe()
  for (const [name, types] of Object.entries(CONSUMERS))
    await until(async () => void (await stack.addConsumer(name, types)))
}

const databaseUrl = () => Object.assign(new URL(stack.postgres.url), { pathname: '/reader' }).href

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

async function shown(app: ExampleProcess): Promise<string[]> {
  const origin = await app.says(/standing consents: (http:\/\/[^/]+)/)
  const response = await fetch(`${origin}/patients/${patientId}/consents`)
  return ((await response.json()) as { consentId: string }[]).map(({ consentId }) => consentId)
}

function start(...args: string[]): ExampleProcess {
  const env = { ...environment('read-model'), DATABASE_URL: databaseUrl(), PORT: '0' }
  return new ExampleProcess('read-model', { env, args })
}

describe('the read model in NestJS', () => {
  beforeAll(() => query(stack.postgres.url, 'CREATE DATABASE reader'))

  it('shows the consents that stand, and goes on where a kill -9 in the middle of an event left it', async () => {
    await grant()
    await using app = start()
    const second = await grant()
    await until(async () => expect(await shown(app)).toEqual(standing))
    await revoke(second)
    await until(async () => expect(await shown(app)).toEqual(standing))
    const blocker = new Client({ connectionString: databaseUrl() })
    await blocker.connect()
    await blocker.query('BEGIN; LOCK TABLE standing_consent IN ACCESS EXCLUSIVE MODE')
    await grant()
    await until(async () => {
      const { rows } = await blocker.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'`)
      expect(rows.length).toBeGreaterThan(0)
    })
    await app.kill()
    await blocker.query('COMMIT')
    await blocker.end()
    await using again = start()
    await until(async () => expect(await shown(again)).toEqual(standing))
  }, 180_000)

  it('is rebuilt by a replay, whatever its tables have become', async () => {
    await query(databaseUrl(), 'DELETE FROM standing_consent; UPDATE reading_position SET seq = seq + 1000')
    await stack.untilSealed()
    await using app = start('--rebuild')
    expect(await shown(app)).toEqual(standing)
    expect((await app.stop()).code).not.toBe(1)
  }, 120_000)

  it('that stood still while the broker lost its data is complete when it listens again', async () => {
    await grant()
    await stack.untilSealed()
    await wipeBroker()
    await using app = start()
    expect(await shown(app)).toEqual(standing)
    await grant()
    await until(async () => expect(await shown(app)).toEqual(standing))
  }, 180_000)

  it('that runs while the broker loses events misses none of them, now and after its next start', async () => {
    const revoked = await grant()
    await using app = start()
    await until(async () => expect(await shown(app)).toEqual(standing))
    await stack.nats.wipe()
    // Nobody can have read it: there is no consumer meanwhile, and then the broker loses it too.
    await revoke(revoked)
    await grant()
    await wipeBroker()
    await grant()
    await until(async () => expect(await shown(app)).toEqual(standing))
    await app.stop()
    await using again = start()
    expect(await shown(again)).toEqual(standing)
  }, 180_000)
})

describe('the forwarder to a webhook', () => {
  type Received = { id: string; status: number; place: { producer: string; seq: number } }
  const [oldSecret, newSecret] = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [
    string,
    string,
  ]
  const received: Received[] = []
  const answers = [503, 204, 410]
  let receiver: Server

  // As the receiver's own library does it: whoever is asked first has changed to the new secret already.
  function verified(payload: string, headers: IncomingHttpHeaders): void {
    for (const secret of [newSecret, oldSecret]) new Webhook(secret).verify(payload, headers as Record<string, string>)
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const payload = await text(request)
    verified(payload, request.headers)
    const status = answers.shift() ?? 204
    const { ledger: place } = JSON.parse(payload) as { ledger: Received['place'] }
    received.push({ id: String(request.headers['webhook-id']), status, place })
    response.writeHead(status).end()
  }

  beforeAll(async () => {
    receiver = createServer((request, response) => void receive(request, response)).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
  })
  afterAll(() => receiver.close())

  it('sends each event until it is taken, signed under both secrets, and puts aside what the receiver has done with', async () => {
    const troubles: Trouble[] = []
    const { nats, durable: name } = stack.consumer('forwarder')
    await using forwarder = await forward({
      nats,
      name,
      webhook: {
        url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`,
        secrets: [newSecret, oldSecret],
      },
      positionFile: join(folder, 'position.json'),
      backoffMs: [50, 100],
      onTrouble: (trouble) => void troubles.push(trouble),
    })
    await until(() => expect(new Set(received.map(({ id }) => id)).size).toBe(decided))
    expect(received.map(({ status }) => status).slice(0, 4)).toEqual([503, 204, 410, 204])
    expect(received[1]?.id).toBe(received[0]?.id)
    expect(received).toHaveLength(decided + 1)
    const seqs = received.map(({ place }) => place.seq)
    expect(new Set(received.map(({ place }) => place.producer))).toEqual(new Set(['consent']))
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(seqs).size).toBe(decided)
    const told = troubles.map(({ kind, error }) => [kind, (error as Error).message])
    expect(told).toEqual([
      ['handler', 'the receiver of the webhook: http-503'],
      ['dead-letter', 'webhook-gone'],
    ])
    expect(forwarder.status().contradictions).toEqual({})
  }, 120_000)
})

describe('the replay', () => {
  it('reads everything from the first event on after the broker lost all of its data, in order and once', async () => {
    await stack.untilSealed()
    await wipeBroker()
    await using replay = new ExampleProcess('replay', { env: environment('replayer') })
    const { code, stdout, stderr } = await replay.end()
    expect([code, stderr.trim().split('\n').at(-1)]).toEqual([0, `${decided} events`])
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; type: string; data: { consentId: string } })
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map(({ seq }) => seq).toSorted((a, b) => a - b))
    const revoked = new Set(lines.filter(({ type }) => type === 'ConsentRevoked').map(({ data }) => data.consentId))
    const granted = [...new Set(lines.map(({ data }) => data.consentId))]
    expect(granted.filter((id) => !revoked.has(id)).toSorted()).toEqual(standing)
  }, 120_000)
})
