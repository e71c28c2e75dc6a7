// Those who take part in the load, made over HTTP: patients with a few records each, two clinicians, a hospital's and a
// laboratory's system. Everybody is made up from the seed.
import {
  clientKey,
  createPeopleLogins,
  createSystemLogins,
  OPERATOR,
  publicHalf,
  type CaresealStack,
} from '@careseal/stack'
import { patientBundle, type TransactionBundle } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import { KnownRecords, withoutBase } from './known.js'
import { Tokens } from './tokens.js'

const ATTEMPTS_MAX = 10

/** A consent that is in force, as far as its patient knows. */
export type Grant = { consentId: string; versionId: string }

export type WorldPatient = {
  index: number
  login: string
  patientId: string
  actorId: string
  records: KnownRecords
  /** By clinician; `lost` when an operation on it was given up without an answer. */
  grants: Map<number, Grant | 'lost'>
}

export type Clinician = { login: string; practitionerId: string; actorId: string }

export type World = {
  seed: string
  patients: WorldPatient[]
  clinicians: Clinician[]
  /** Logins that write records. */
  systems: string[]
  tokens: Tokens
  /** Locations of all that was stored for this world, with the patient whose it is. */
  prepared: { location: string; patientIndex: number }[]
}

export type WorldOptions = { seed: string; patients?: number }

const CLINICIANS = ['clinician', 'clinician-2']
const OBSERVATIONS = 6

/** Throws when the stack is not ready: preparing is no part of what is tested under faults. */
export async function prepareWorld(stack: CaresealStack, { seed, patients = 12 }: WorldOptions): Promise<World> {
  await createSystemLogins(stack)
  const tokens = new Tokens((login) => stack.tokenFor(login))
  const world: World = { seed, patients: [], clinicians: [], systems: ['hospital', 'lab'], tokens, prepared: [] }
  const practitioners: string[] = []
  const organizations: string[] = []
  for (let index = 0; index < patients; index++) {
    const locations = await storePatient(stack, world, index)
    practitioners.push(...idsIn(locations, 'Practitioner'))
    organizations.push(...idsIn(locations, 'Organization'))
    world.patients.push(await patientOf(stack, { world, index, locations }))
  }
  await createPeopleLogins(stack, { patients: [], practitioners, organizations })
  for (const login of CLINICIANS) world.clinicians.push(await clinicianOf(world, login))
  return world
}

async function storePatient(stack: CaresealStack, { seed, tokens }: World, index: number): Promise<string[]> {
  const body = shortened(patientBundle({ seed, index, years: 1 }))
  const token = await tokens.of('hospital')
  const answer = await post(stack, { path: '/fhir', key: `${seed}-patient-${index}`, token, body })
  const { entry = [] } = answer as { entry?: { response: { location: string } }[] }
  return entry.map(({ response }) => withoutBase(response.location))
}

/** The directory entries, the patient, one encounter, and some of what was measured at it. */
function shortened(bundle: TransactionBundle): TransactionBundle {
  const [organization, practitioner, patient, encounter, ...rest] = bundle.entry
  const measured = rest.filter(
    ({ resource }) =>
      resource.resourceType === 'Observation' &&
      (resource['encounter'] as { reference?: string } | undefined)?.reference === encounter!.fullUrl,
  )
  const entry = [organization!, practitioner!, patient!, encounter!, ...measured.slice(0, OBSERVATIONS)]
  return { ...bundle, entry }
}

type NewPatient = { world: World; index: number; locations: string[] }

async function patientOf(stack: CaresealStack, { world, index, locations }: NewPatient): Promise<WorldPatient> {
  const login = `load-${world.seed}-patient-${index}`
  const [patientId = ''] = idsIn(locations, 'Patient')
  await registerPatient(stack, { login, patientId, token: await world.tokens.of(OPERATOR) })
  const records = new KnownRecords()
  for (const location of locations) {
    world.prepared.push({ location, patientIndex: index })
    if (/^(Patient|Encounter|Observation)\//.test(location)) records.learn(location, { kept: true, writer: 'hospital' })
  }
  const { sub } = claimsOf(await world.tokens.of(login))
  return { index, login, patientId, actorId: sub, records, grants: new Map() }
}

async function registerPatient(
  stack: CaresealStack,
  { login, patientId, token }: { login: string; patientId: string; token: string },
): Promise<void> {
  const account = { patientId, name: login }
  const { accountId } = await post(stack, { path: '/auth/patients', key: `account-${login}`, token, body: account })
  const client = { accountId, name: login, jwk: publicHalf(await clientKey(stack.dataDir, login)) }
  const { clientId } = await post(stack, { path: '/auth/clients', key: `client-${login}`, token, body: client })
  stack.registerLogin({ login, clientId: String(clientId), role: 'patient' })
}

async function clinicianOf({ tokens }: World, login: string): Promise<Clinician> {
  const claims = claimsOf(await tokens.of(login))
  return { login, practitionerId: claims.careseal['practitionerId'] ?? '', actorId: claims.sub }
}

type Claims = { sub: string; careseal: Record<string, string> }

function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims
}

type Posted = { path: string; key: string; token: string; body: object }

// A busy machine may answer 503 at first; with the same key the request is made once however often it is sent.
async function post(stack: CaresealStack, posted: Posted): Promise<Record<string, unknown>> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await send(stack, posted)
    const text = await response.text()
    if (response.ok) return JSON.parse(text) as Record<string, unknown>
    if (response.status !== 503 || attempt === ATTEMPTS_MAX) {
      throw new Error(`the world could not be prepared: ${posted.path} ${response.status} ${text.slice(0, 300)}`)
    }
    await delay(1_000)
  }
}

function send({ origin }: CaresealStack, { path, key, token, body }: Posted): Promise<Response> {
  const type = path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json'
  return fetch(origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type, 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  })
}

function idsIn(locations: readonly string[], type: string): string[] {
  return locations.flatMap((location) => new RegExp(`^${type}/([^/]+)/`).exec(location)?.[1] ?? [])
}
