// What a rolled-back consent database permits once it is recovered: nothing that was revoked, nor may have been.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Caller, EventBody } from '@careseal/contracts'
import { deriveTagKey, hex, tagOf } from '@careseal/crypto'
import { EventStore, type RecoveredLeaf } from '@careseal/event-store'

import { deploymentIdOf, type Recovery } from '@careseal/nest-event-store'
import { callerOf } from '@careseal/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoredConsent } from '../src/consent/consent.service.js'
import { consentRecovery } from '../src/recovery/consent-recovery.js'
import { ORIGIN, startWorld, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await startWorld()
}, 240_000)
afterAll(() => world.stop())

const doctor = callerOf('practitioner')
const newPatient = (): Caller => ({ ...callerOf('patient'), patientId: randomUUID() })
const terms = { grantees: [{ kind: 'practitioner' as const, id: doctor.practitionerId! }] }

async function recover(recovery: Partial<Recovery>): Promise<Record<string, number>> {
  const { keys, transactions } = world
  const storeOf = (producer: string) =>
    new EventStore({
      producer,
      origin: ORIGIN,
      deploymentId: deploymentIdOf(ORIGIN),
      acquireKeys: (sql, ids, how) => keys.acquire(sql, ids, how),
      acquireKeyVersions: (sql, ids) => keys.acquireVersions(sql, ids),
      randomBytes,
      randomUuid: randomUUID,
    })
  const model = consentRecovery({ origin: ORIGIN, keys, storeOf })
  return transactions.run((tx) => model.follow(tx, { chains: [], restored: [], next: 'consent-2', ...recovery }))
}

async function isPermitted({ patientId }: Caller): Promise<boolean> {
  const question = {
    caller: doctor,
    patientIds: [patientId!],
    born: [],
    changes: [],
    action: 'read' as const,
    types: ['Observation'],
  }
  const [decision] = await world.decisions.decide({ ...question, purpose: 'TREAT' })
  return decision!.permitted
}

function revocationOf({ consentId }: StoredConsent, { patientId, accountId }: Caller): Recovery['restored'][number] {
  const data = { actorId: accountId, role: 'patient', consentId, versionId: randomUUID(), patientId }
  const event = { id: randomUUID(), type: 'ConsentRevoked', schemaVersion: 1, time: new Date().toISOString(), data }
  return { event: event as EventBody, streamId: `consent-${consentId}`, streamVersion: 2 }
}

/** A lost leaf of a subject's next event. */
async function lostLeafOf({ patientId }: Caller): Promise<RecoveredLeaf> {
  const tag = await world.transactions.run(async ({ sql }) => {
    const { rows } = await sql.query<{ month: string; n: string }>(
      'SELECT month, n FROM tag_counter WHERE subject_id = $1',
      [patientId],
    )
    const key = (await world.keys.acquire(sql, [patientId!], { create: false })).get(patientId!)!
    const { month, n } = rows[0]!
    return tagOf(deriveTagKey(key.key, 'consent', patientId!, month), Number(n) + 1)
  })
  const hash = new Uint8Array(32)
  const place = { seq: 9, leafIndex: 99, height: 9, leafHash: hash, link: hash }
  return { ...place, tag: hex(tag), commitment: hex(hash), source: 'lost' }
}

describe('a recovered consent database', () => {
  it('has a revocation that came back in force, and shows no older version in its place', async () => {
    const patient = newPatient()
    const granted = await world.grant(patient, terms)
    expect(await isPermitted(patient)).toBe(true)
    await recover({ restored: [revocationOf(granted, patient)] })
    expect(await isPermitted(patient)).toBe(false)
    expect(await world.reader.read(patient, granted.consentId)).toBeNull()
    expect(await world.reader.readVersion(patient, granted.consentId, granted.versionId)).not.toBeNull()
  })

  it('permits nothing of a patient of whom an event is lost, and leaves all others alone', async () => {
    const [hit, other] = [newPatient(), newPatient()]
    const consents = [await world.grant(hit, terms), await world.grant(other, terms)]
    const chains = [{ producer: 'consent', before: 4, leaves: [await lostLeafOf(hit)] }]
    expect(await recover({ chains })).toEqual({ patientsSuspended: 1, permitsSuspended: 1 })
    expect([await isPermitted(hit), await isPermitted(other)]).toEqual([false, true])
    const shown = await world.reader.read(hit, consents[0]!.consentId)
    expect(shown?.resource['status']).toBe('inactive')
    await world.grant(hit, terms)
    expect(await isPermitted(hit)).toBe(true)
  })

  it('permits nothing at all where a chain is lost of which it knew nothing', async () => {
    const patient = newPatient()
    await world.grant(patient, terms)
    const chains = [{ producer: 'consent-2', before: 0, leaves: [await lostLeafOf(patient)] }]
    expect((await recover({ chains })).permitsSuspended).toBeGreaterThan(0)
    expect(await isPermitted(patient)).toBe(false)
  })
})
