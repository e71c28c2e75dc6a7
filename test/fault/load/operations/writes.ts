// Writes of systems and of the operator. Each carries an idempotency key and is repeated until its answer is definite.
import type { Client, Done } from '../client.js'
import { doneOf } from '../client.js'
import type { OperationName } from '../history.js'
import { withoutBase, type KnownRecord } from '../known.js'
import type { Answer, Asked, Exchange } from '../requests.js'
import type { WorldPatient } from '../world.js'

/** How often a client repeats a write although it was answered. */
const REPEATED = 0.1

type Asking = Asked & { login: string }
type Write = { operation: OperationName; patient: WorldPatient; asked: Asking; key: string }

export async function create(client: Client): Promise<Done> {
  const { patient, asked, key } = creation(client)
  return write(client, { operation: 'create', patient, asked, key })
}

/** The same creation sent twice at once: one effect, one answer. */
export async function createTwice(client: Client): Promise<Done> {
  const { patient, asked, key } = creation(client)
  const both = await Promise.all([client.requests.untilDefinite(asked), client.requests.untilDefinite(asked)])
  const worst = both.find((one) => one.outcome !== 'ok') ?? both[0]
  return told({ operation: 'create-twice', patient, asked, key }, worst, both)
}

export async function createBundle(client: Client): Promise<Done> {
  const { random, world } = client
  const patient = random.pick(world.patients)
  const entry = Array.from({ length: random.integer(2, 20) }, () => ({
    resource: observation(client, patient),
    request: { method: 'POST', url: 'Observation' },
  }))
  const key = client.newKey()
  const body = { resourceType: 'Bundle', type: 'transaction', entry }
  const asked = { ...fromSystem(client, key), method: 'POST', path: '/fhir', body, allowed: [200] }
  return write(client, { operation: 'create-bundle', patient, asked, key })
}

export async function update(client: Client): Promise<Done | null> {
  const target = changeable(client)
  if (!target) return null
  const { patient, record, resource, basedOn } = target
  const key = client.newKey()
  const body = { ...observation(client, patient), id: resource.split('/')[1] }
  const asked = { ...fromWriter(record, key, basedOn), method: 'PUT', path: `/fhir/${resource}`, body }
  const done = await write(client, { operation: 'update', patient, asked: { ...asked, allowed: [200, 409, 412] }, key })
  return { ...done, resource, basedOn }
}

export async function remove(client: Client): Promise<Done | null> {
  const target = changeable(client)
  if (!target) return null
  const { patient, record, resource, basedOn } = target
  const key = client.newKey()
  const asked = { ...fromWriter(record, key, basedOn), method: 'DELETE', path: `/fhir/${resource}` }
  const done = await write(client, { operation: 'delete', patient, asked: { ...asked, allowed: [204, 409, 412] }, key })
  if (done.outcome === 'ok') record.deleted = true
  return { ...done, resource, basedOn }
}

export async function openAccount(client: Client): Promise<Done> {
  const key = client.newKey()
  const exchange = await client.requests.untilDefinite({
    login: 'operator',
    method: 'POST',
    path: '/auth/staff',
    body: { role: 'auditor', name: 'Sample Auditor' },
    headers: { 'idempotency-key': key },
    allowed: [201],
  })
  const { answer, outcome } = exchange
  const answers = outcome === 'ok' ? [[`account/${String(answer?.body['accountId'])}`]] : []
  return { ...doneOf('open-account', null, exchange), key, answers }
}

function creation(client: Client): Omit<Write, 'operation'> {
  const patient = client.random.pick(client.world.patients)
  const key = client.newKey()
  const body = observation(client, patient)
  const asked = { ...fromSystem(client, key), method: 'POST', path: '/fhir/Observation', body, allowed: [201] }
  return { patient, asked, key }
}

function changeable({ random, world }: Client) {
  const patient = random.pick(world.patients)
  const record = patient.records.pickChangeable(random)
  const basedOn = record?.versions.at(-1)
  return record && basedOn !== undefined ? { patient, record, resource: record.resource, basedOn } : undefined
}

async function write({ requests, random }: Client, one: Write): Promise<Done> {
  const first = await requests.untilDefinite(one.asked)
  if (first.outcome !== 'ok' || !random.chance(REPEATED)) return told(one, first, [first])
  const again = await requests.untilDefinite(one.asked)
  return told(one, again.outcome === 'refused' || again.unexpected !== undefined ? again : first, [first, again])
}

/** What all exchanges of one write were told; what was acknowledged is known to all clients from here on. */
function told({ operation, patient, asked, key }: Write, decisive: Exchange, all: readonly Exchange[]): Done {
  const answers = all.flatMap(({ answer, outcome }) => (outcome === 'ok' && answer ? [locationsOf(answer)] : []))
  for (const location of answers[0] ?? []) patient.records.learn(location, { writer: asked.login })
  return { ...doneOf(operation, patient.index, decisive), key, answers }
}

function locationsOf({ headers, body }: Answer): string[] {
  const one = headers.get('location')
  if (one !== null) return [withoutBase(one)]
  const { entry = [] } = body as { entry?: { response: { location?: string } }[] }
  return entry.map(({ response }) => withoutBase(response.location ?? ''))
}

function fromSystem({ random, world }: Client, key: string) {
  return { login: random.pick(world.systems), headers: { 'idempotency-key': key, prefer: 'return=minimal' } }
}

// Without a consent a member changes nothing but what it wrote.
function fromWriter({ writer }: KnownRecord, key: string, basedOn: string) {
  const headers = { 'idempotency-key': key, prefer: 'return=minimal', 'if-match': `W/"${basedOn}"` }
  return { login: writer, headers }
}

function observation({ random }: Client, { patientId }: WorldPatient): object {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'made up by the load' },
    subject: { reference: `Patient/${patientId}` },
    valueInteger: random.integer(0, 1_000_000),
  }
}
