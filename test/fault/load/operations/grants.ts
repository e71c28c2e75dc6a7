// A patient grants, replaces and revokes. One client changes a patient's consents, one change after the other, so that
// between two of them everybody knows what is in force.
import { grantOf } from '../../../support/fhir.js'
import type { Client, Done } from '../client.js'
import { doneOf } from '../client.js'
import { withoutBase } from '../known.js'
import type { Answer, Asked, Exchange } from '../requests.js'
import type { Grant, WorldPatient } from '../world.js'

const REPLACED = 0.25

/** Does what comes next for one patient and one clinician. */
export async function changeGrant(client: Client): Promise<Done | null> {
  const { random, own, world } = client
  if (own.length === 0) return null
  const patient = random.pick(own)
  const clinician = random.integer(0, world.clinicians.length - 1)
  const grant = patient.grants.get(clinician)
  if (grant === 'lost') return null
  if (grant === undefined) return give(client, patient, clinician)
  return change(client, { patient, clinician, grant, operation: random.chance(REPLACED) ? 'replace-grant' : 'revoke' })
}

async function give(client: Client, patient: WorldPatient, clinician: number): Promise<Done> {
  const key = client.newKey()
  const exchange = await client.requests.untilDefinite({
    login: patient.login,
    method: 'POST',
    path: '/fhir/Consent',
    body: consentFor(client, patient, clinician),
    headers: { 'idempotency-key': key },
    allowed: [201],
  })
  const location = exchange.outcome === 'ok' ? withoutBase(exchange.answer?.headers.get('location') ?? '') : undefined
  remember(patient, clinician, exchange.outcome, location)
  return { ...doneOf('grant', patient.index, exchange), clinician, key, answers: location ? [[location]] : [] }
}

type Change = {
  patient: WorldPatient
  clinician: number
  grant: Grant
  operation: 'replace-grant' | 'revoke'
}

async function change(client: Client, { patient, clinician, grant, operation }: Change): Promise<Done> {
  const resource = `Consent/${grant.consentId}`
  const status = operation === 'revoke' ? 'inactive' : 'active'
  const body = { ...consentFor(client, patient, clinician), id: grant.consentId, status }
  const asked = {
    login: patient.login,
    method: 'PUT',
    path: `/fhir/${resource}`,
    body,
    headers: { 'if-match': `W/"${grant.versionId}"` },
    allowed: [200],
  }
  const exchange = await changeUntilDefinite(client, asked, grant)
  const versionId = exchange.outcome === 'ok' ? versionOf(exchange.answer) : undefined
  const location = versionId === undefined ? undefined : `${resource}/_history/${versionId}`
  const isGone = operation === 'revoke' && exchange.outcome === 'ok'
  if (isGone) patient.grants.delete(clinician)
  else if (exchange.outcome !== 'refused') remember(patient, clinician, exchange.outcome, location)
  const answers = location ? [[location]] : []
  return { ...doneOf(operation, patient.index, exchange), clinician, resource, basedOn: grant.versionId, answers }
}

/** A change of a consent has no key: after a try without an answer the patient looks whether it happened. */
async function changeUntilDefinite({ requests }: Client, asked: Asked, grant: Grant): Promise<Exchange> {
  const first = await requests.once(asked)
  if (first.outcome !== 'unknown') return first
  let { unexpected } = first
  for (let attempts = 2; ; attempts++) {
    const found = await requests.untilDefinite({ ...lookAt(asked) })
    const seen = versionOf(found.answer)
    const isDone = found.outcome !== 'ok' || seen !== grant.versionId
    const exchange = isDone ? found : await requests.once({ ...asked, allowed: [200, 412, 422] })
    unexpected ??= exchange.unexpected
    const told = { ...exchange, attempts, ...(unexpected === undefined ? {} : { unexpected }) }
    if (isDone || exchange.outcome === 'ok' || requests.isGivingUp) return told
    await requests.pause()
  }
}

function lookAt({ login, path }: Asked): Asked {
  return { login, method: 'GET', path, allowed: [200] }
}

function remember(patient: WorldPatient, clinician: number, outcome: string, location: string | undefined): void {
  if (outcome === 'unknown') patient.grants.set(clinician, 'lost')
  const [, consentId, versionId] = /^Consent\/([^/]+)\/_history\/(.+)$/.exec(location ?? '') ?? []
  if (consentId && versionId) patient.grants.set(clinician, { consentId, versionId })
}

function versionOf(answer: Answer | null): string | undefined {
  return /^W\/"(.+)"$/.exec(answer?.headers.get('etag') ?? '')?.[1]
}

function consentFor({ world }: Client, { patientId }: WorldPatient, clinician: number): object {
  return grantOf(patientId, { actors: [`Practitioner/${world.clinicians[clinician]!.practitionerId}`] })
}
