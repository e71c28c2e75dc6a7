// A patient grants, a clinician reads, the patient revokes, the next read is refused, and the patient sees all of it
// with receipts that verify with every service stopped.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'fhir-kit-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder, tokenOf, upDetached } from '../support/careseal.js'

type Resource = { resourceType: string; id: string; [member: string]: unknown }
type Bundle = Resource & { entry?: { resource: Resource }[]; total?: number }
type Access = { eventId: string; event: string; actor: { practitionerId?: string }; receipt: string }

const folder = temporaryFolder()
let ledger: Awaited<ReturnType<typeof upDetached>>
let patient: Client
let clinician: Client
let patientToken: string
let patientId: string
let practitionerId: string

beforeAll(async () => {
  ledger = await upDetached()
  patientToken = await tokenOf(ledger.dataDir, 'patient-1')
  patient = clientOf(patientToken)
  clinician = clientOf(await tokenOf(ledger.dataDir, 'clinician'))
  patientId = claimsOf(patientToken).patientId as string
  practitionerId = claimsOf(await tokenOf(ledger.dataDir, 'clinician')).practitionerId as string
})
afterAll(async () => {
  await ledger?.down()
  folder.remove()
})

function clientOf(bearerToken: string): Client {
  return new Client({ baseUrl: `${ledger.origin}/fhir`, bearerToken })
}

function claimsOf(token: string): { patientId?: string; practitionerId?: string } {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as {
    careseal: { patientId?: string; practitionerId?: string }
  }
  return payload.careseal
}

async function statusOf(request: Promise<unknown>): Promise<number> {
  try {
    await request
    return 200
  } catch (error) {
    return (error as { response: { status: number } }).response.status
  }
}

async function accesses(): Promise<Access[]> {
  const all: Access[] = []
  let url: string | undefined = `${ledger.origin}/audit/patients/${patientId}/accesses?count=100`
  while (url !== undefined) {
    const response: Response = await fetch(url, { headers: { authorization: `Bearer ${patientToken}` } })
    expect(response.status).toBe(200)
    const page = (await response.json()) as { accesses: Access[] }
    all.push(...page.accesses)
    url = /<([^>]+)>; rel="?next/.exec(response.headers.get('link') ?? '')?.[1]
    if (url !== undefined) url = new URL(url, ledger.origin).href
  }
  return all
}

async function receiptOf({ receipt }: Access): Promise<unknown> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const response = await fetch(ledger.origin + receipt, { headers: { authorization: `Bearer ${patientToken}` } })
    if (response.status === 200) return response.json()
    expect([503, 409]).toContain(response.status)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error('no receipt within ten seconds')
}

describe('a patient and a clinician', () => {
  let observation: Resource
  let consent: Resource

  it('starts with a patient who sees own records and a clinician who sees none', async () => {
    const own = (await patient.search({
      resourceType: 'Observation',
      searchParams: { patient: patientId, _count: 5 },
    })) as unknown as Bundle
    expect(own.entry?.length).toBe(5)
    observation = own.entry?.[0]?.resource as Resource
    expect(await statusOf(clinician.read({ resourceType: 'Observation', id: observation.id }))).toBe(404)
    const none = (await clinician.search({
      resourceType: 'Observation',
      searchParams: { patient: patientId },
    })) as unknown as Bundle
    expect(none.entry ?? []).toEqual([])
  })

  it('lets the clinician read what the patient has granted', async () => {
    consent = (await patient.create({ resourceType: 'Consent', body: grant() as never })) as unknown as Resource
    const read = await clinician.read({ resourceType: 'Observation', id: observation.id })
    expect(read).toEqual(observation)
  })

  it('refuses the very next read after the patient revoked', async () => {
    const body = { ...consent, status: 'inactive' }
    await patient.update({ resourceType: 'Consent', id: consent.id, body: body as never })
    expect(await statusOf(clinician.read({ resourceType: 'Observation', id: observation.id }))).toBe(404)
  })

  it('shows the patient the grant, the read, the refusals and the revocation', async () => {
    const kinds = async () => [...new Set((await accesses()).map((access) => access.event))].toSorted()
    const expected = ['AccessDenied', 'AccessPermitted', 'ConsentGranted', 'ConsentRevoked', 'RecordRead']
    await expect.poll(kinds, { timeout: 15_000, interval: 500 }).toEqual(expect.arrayContaining(expected))
    const reads = (await accesses()).filter((access) => access.event === 'RecordRead')
    expect(reads.filter((read) => read.actor.practitionerId === practitionerId)).toHaveLength(1)
  })

  it('hands out receipts that verify with every service stopped, and not when a byte has changed', async () => {
    const read = (await accesses()).find(({ event, actor }) => event === 'RecordRead' && actor.practitionerId) as Access
    const receipt = await receiptOf(read)
    const vkey = await (await fetch(`${ledger.origin}/ledger/vkey`)).text()
    const files = { good: join(folder.path, 'receipt.json'), bad: join(folder.path, 'altered.json') }
    writeFileSync(files.good, JSON.stringify(receipt))
    writeFileSync(
      files.bad,
      JSON.stringify(receipt).replace(/"seq":(\d+)/, (_, seq) => `"seq":${Number(seq) + 1}`),
    )
    await careseal(['down', '--data-dir', ledger.dataDir])
    await expect(fetch(`${ledger.origin}/ledger/checkpoint`)).rejects.toThrow(/fetch failed/)
    const good = await careseal(['receipt', 'verify', files.good, '--vkey', vkey.trim()])
    expect(good, good.stderr).toMatchObject({ code: 0 })
    expect((await careseal(['receipt', 'verify', files.bad, '--vkey', vkey.trim()])).code).toBe(3)
  })
})

function grant(): object {
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: new Date().toISOString(),
    policy: [{ uri: 'http://example.org/policy' }],
    provision: {
      type: 'permit',
      actor: [
        {
          role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
          reference: { reference: `Practitioner/${practitionerId}` },
        },
      ],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }],
    },
  }
}
