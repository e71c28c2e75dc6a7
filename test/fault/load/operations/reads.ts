// Clinicians read what they may or may not, patients read their own. A read is asked once: without an answer it says
// nothing.
import type { Client, Done } from '../client.js'
import { doneOf } from '../client.js'
import type { OperationName } from '../history.js'
import type { Answer } from '../requests.js'
import type { WorldPatient } from '../world.js'

type Reader = { login: string; actorId: string; clinician?: number }
type Reading = {
  operation: OperationName
  patient: WorldPatient
  reader: Reader
  path: string
  allowed: readonly number[]
  versionsOf: (answer: Answer) => string[]
  resource?: string
}

const OWN = 0.25
const SEARCHED = 5

export async function readOne(client: Client): Promise<Done> {
  const { patient, reader } = whoAndWhom(client)
  const { resource } = patient.records.pick(client.random)
  const allowed = [200, 410, ...unlessOwn(reader)]
  const versionsOf = (answer: Answer) => [`${resource}/_history/${etagOf(answer)}`]
  return read(client, { operation: 'read', patient, reader, path: resource, allowed, versionsOf, resource })
}

export async function vread(client: Client): Promise<Done> {
  const { patient, reader } = whoAndWhom(client)
  const { resource, versions } = patient.records.pick(client.random)
  const path = `${resource}/_history/${client.random.pick(versions)}`
  const allowed = [200, ...unlessOwn(reader)]
  return read(client, { operation: 'vread', patient, reader, path, allowed, versionsOf: () => [path], resource })
}

export async function historyOf(client: Client): Promise<Done> {
  const { patient, reader } = whoAndWhom(client)
  const { resource } = patient.records.pick(client.random)
  const path = `${resource}/_history`
  const allowed = [200, ...unlessOwn(reader)]
  return read(client, { operation: 'history', patient, reader, path, allowed, versionsOf: versionsInHistory, resource })
}

export async function search(client: Client): Promise<Done> {
  const { patient, reader } = whoAndWhom(client)
  const path = searchPath(patient)
  return read(client, { operation: 'search', patient, reader, path, allowed: [200], versionsOf: versionsInSearch })
}

export function searchPath({ patientId }: WorldPatient): string {
  return `Observation?patient=${patientId}&_count=${SEARCHED}`
}

/** Reads and writes down what was disclosed. */
export async function read({ requests }: Client, reading: Reading): Promise<Done> {
  const { operation, patient, reader, path, allowed, versionsOf, resource } = reading
  const exchange = await requests.once({ login: reader.login, method: 'GET', path: `/fhir/${path}`, allowed })
  const { answer, outcome } = exchange
  const { actorId, clinician } = reader
  return {
    ...doneOf(operation, patient.index, exchange),
    actorId,
    ...(clinician === undefined ? {} : { clinician }),
    ...(resource === undefined ? {} : { resource }),
    versions: outcome === 'ok' && answer ? versionsOf(answer) : [],
  }
}

function whoAndWhom({ random, world }: Client): { patient: WorldPatient; reader: Reader } {
  const patient = random.pick(world.patients)
  if (random.chance(OWN)) return { patient, reader: { login: patient.login, actorId: patient.actorId } }
  const clinician = random.integer(0, world.clinicians.length - 1)
  const { login, actorId } = world.clinicians[clinician]!
  return { patient, reader: { login, actorId, clinician } }
}

// Patients always find their own.
function unlessOwn({ clinician }: Reader): number[] {
  return clinician === undefined ? [] : [404]
}

function etagOf({ headers }: Answer): string {
  return tagOf(headers.get('etag') ?? '')
}

function tagOf(etag: string): string {
  return /^W\/"(.+)"$/.exec(etag)?.[1] ?? ''
}

type Entries<One> = { entry?: One[] }

export function versionsInSearch({ body }: Answer): string[] {
  type Hit = { resource: { resourceType: string; id: string; meta: { versionId: string } } }
  const { entry = [] } = body as Entries<Hit>
  return entry.map(({ resource: { resourceType, id, meta } }) => `${resourceType}/${id}/_history/${meta.versionId}`)
}

export function versionsInHistory({ body }: Answer): string[] {
  type Version = { fullUrl: string; response: { etag: string } }
  const { entry = [] } = body as Entries<Version>
  return entry.map(
    ({ fullUrl, response }) => `${fullUrl.split('/').slice(-2).join('/')}/_history/${tagOf(response.etag)}`,
  )
}
