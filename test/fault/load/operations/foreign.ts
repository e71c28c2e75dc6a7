// What must never succeed: one patient at another's records and consents.
import { grantOf } from '../../../support/fhir.js'
import type { Client, Done } from '../client.js'
import { doneOf } from '../client.js'
import type { Asked } from '../requests.js'
import type { WorldPatient } from '../world.js'
import { read, searchPath, versionsInHistory, versionsInSearch } from './reads.js'

export async function foreignRead(client: Client): Promise<Done | null> {
  const pair = strangers(client)
  if (!pair) return null
  const { victim, reader } = pair
  const { resource, versions } = victim.records.pick(client.random)
  const path = client.random.pick([resource, `${resource}/_history/${versions[0]}`, `${resource}/_history`])
  const versionsOf = path.endsWith('/_history') ? versionsInHistory : () => [path]
  return read(client, {
    operation: 'foreign-read',
    patient: victim,
    reader,
    path,
    allowed: [404],
    versionsOf,
    resource,
  })
}

export async function foreignSearch(client: Client): Promise<Done | null> {
  const pair = strangers(client)
  if (!pair) return null
  const { victim, reader } = pair
  const path = searchPath(victim)
  const searching = { operation: 'foreign-search', patient: victim, reader, path, allowed: [200] } as const
  return read(client, { ...searching, versionsOf: versionsInSearch })
}

export async function foreignWrite(client: Client): Promise<Done | null> {
  const pair = strangers(client)
  if (!pair) return null
  const { victim, reader } = pair
  const asked = client.random.chance(0.5) ? newRecord(victim) : newConsent(client, victim)
  const exchange = await client.requests.once({ ...asked, login: reader.login, method: 'POST', allowed: [403, 404] })
  return { ...doneOf('foreign-write', victim.index, exchange), actorId: reader.actorId }
}

function newRecord({ patientId }: WorldPatient): Pick<Asked, 'path' | 'body'> {
  const subject = { reference: `Patient/${patientId}` }
  const body = { resourceType: 'Observation', status: 'final', code: { text: 'made up by the load' }, subject }
  return { path: '/fhir/Observation', body }
}

// The clinician would gain by it.
function newConsent({ random, world }: Client, { patientId }: WorldPatient): Pick<Asked, 'path' | 'body'> {
  const { practitionerId } = random.pick(world.clinicians)
  return { path: '/fhir/Consent', body: grantOf(patientId, { actors: [`Practitioner/${practitionerId}`] }) }
}

function strangers({ random, world }: Client) {
  if (world.patients.length < 2) return undefined
  const [victim, stranger] = random.shuffle(world.patients)
  return { victim: victim!, reader: { login: stranger!.login, actorId: stranger!.actorId } }
}
