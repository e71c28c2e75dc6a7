// What a careless or hostile client sends: each gets an error that names what and where, and nothing is stored half.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { patientBundle } from '@careseal/synthetic'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder, tokenOf, upDetached } from '../support/careseal.js'

type Outcome = { resourceType: string; issue: { code: string; diagnostics?: string; expression?: string[] }[] }
type Entry = { resource: { resourceType: string; [member: string]: unknown } }

const organization = patientBundle({ seed: 'organization', index: 0 }).entry.find(
  (entry) => entry.resource.resourceType === 'Organization',
)?.resource
const folder = temporaryFolder()
let ledger: Awaited<ReturnType<typeof upDetached>>
let hospital: string
let patient: string

beforeAll(async () => {
  ledger = await upDetached()
  hospital = await tokenOf(ledger.dataDir, 'hospital')
  patient = await tokenOf(ledger.dataDir, 'patient-1')
})
afterAll(async () => {
  await ledger?.down()
  folder.remove()
})

async function send(path: string, body: unknown, token: string | null = hospital) {
  const response = await fetch(`${ledger.origin}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/fhir+json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, outcome: (await response.json()) as Outcome, headers: response.headers }
}

async function readPatient(id: string) {
  const response = await fetch(`${ledger.origin}/fhir/Patient/${id}`, {
    headers: { authorization: `Bearer ${patient}` },
  })
  const { issue } = (await response.json()) as Outcome
  return { status: response.status, issue }
}

async function versions(): Promise<number> {
  const client = new Client({ connectionString: ledger.postgres })
  await client.connect()
  const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM records.version')
  await client.end()
  return Number(rows[0]?.count)
}

describe('bad input', () => {
  let before: number
  beforeAll(async () => {
    before = await versions()
  })

  it('names where JSON breaks off', async () => {
    const { status, outcome } = await send('/fhir/Observation', '{"resourceType": "Observation",\n "status": }')
    expect(status).toBe(400)
    expect(outcome.issue[0]?.diagnostics).toMatch(/line 2, column \d+/)
  })

  it('names the element of a resource that is not FHIR', async () => {
    const { status, outcome } = await send('/fhir/Observation', { resourceType: 'Observation', status: 'finished' })
    expect([400, 422]).toContain(status)
    const expressions = outcome.issue.flatMap((issue) => issue.expression ?? [])
    expect(expressions).toEqual(expect.arrayContaining(['Observation.status', 'Observation.code']))
  })

  it('names the entry of a bundle with one bad entry, and stores none of the others', async () => {
    const bundle = patientBundle({ seed: 'bad-entry', index: 0 })
    const bad = bundle.entry.findIndex((entry) => entry.resource.resourceType === 'Observation')
    Object.assign((bundle.entry[bad] as unknown as Entry).resource, { status: 'finished' })
    const { status, outcome } = await send('/fhir', bundle)
    expect([400, 422]).toContain(status)
    expect(outcome.issue.flatMap((issue) => issue.expression ?? []).join()).toContain(`Bundle.entry[${bad}]`)
  })

  it.each([
    ['missing', () => null],
    ['not a token', () => 'nonsense'],
    ['altered', (): string => `${hospital.slice(0, -4)}AAAA`],
  ])('refuses a token that is %s', async (_case, token: () => string | null) => {
    const { status, outcome, headers } = await send('/fhir/Organization', organization, token())
    expect(status).toBe(401)
    expect(outcome.issue[0]?.diagnostics).toBeTruthy()
    expect(headers.get('www-authenticate')).toContain('Bearer')
  })

  it("refuses a patient's token where a system's is needed", async () => {
    expect((await send('/fhir/Organization', organization, patient)).status).toBe(403)
  })

  it('answers an unknown and a foreign patient alike', async () => {
    const foreign = await readPatient(await foreignPatient())
    expect(foreign).toEqual(await readPatient('00000000-0000-4000-8000-000000000000'))
    expect(foreign.status).toBe(404)
  })

  it('goes on with the other files of a folder and names the refused ones', async () => {
    writeFileSync(join(folder.path, 'a-not-json.json'), '{"resourceType": "Bundle"')
    writeFileSync(join(folder.path, 'b-no-bundle.json'), '{"resourceType": "Patient"}')
    const { code, stdout, stderr } = await careseal(['import', folder.path, '--data-dir', ledger.dataDir])
    expect(code).toBe(1)
    expect(`${stdout}${stderr}`).toMatch(/a-not-json\.json: .*JSON/)
    expect(`${stdout}${stderr}`).toMatch(/b-no-bundle\.json: .*(not a Bundle|no Bundle|Patient)/i)
  })

  it('has left nothing stored', async () => {
    expect(await versions()).toBe(before)
  })
})

async function foreignPatient(): Promise<string> {
  const own = JSON.parse(Buffer.from(patient.split('.')[1] as string, 'base64url').toString()) as {
    careseal: { patientId: string }
  }
  const client = new Client({ connectionString: ledger.postgres })
  await client.connect()
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM records.resource WHERE type = 'Patient' AND id <> $1 LIMIT 1`,
    [own.careseal.patientId],
  )
  await client.end()
  return rows[0]?.id as string
}

describe('an owner of the database who changes what is stored', () => {
  it.each([
    ['a sealed entry', '--entry', /block \d+, entry \d+/],
    ['a stored record', '--record', /\/_history\//],
  ] as const)('is found out when it is %s, and what is put back is clean', async (_case, kind, place) => {
    const at = ['--data-dir', ledger.dataDir]
    expect(await careseal(['demo', 'tamper', kind, ...at])).toMatchObject({ code: 0 })
    const fsck = await careseal(['fsck', ...at])
    expect(fsck.code).toBe(3)
    const verify = await careseal(['verify', ...at])
    expect(verify.code).toBe(kind === '--entry' ? 3 : 0)
    expect(kind === '--entry' ? `${verify.stdout}${verify.stderr}` : `${fsck.stdout}${fsck.stderr}`).toMatch(place)
    expect(await careseal(['demo', 'restore', ...at])).toMatchObject({ code: 0 })
    const after = await careseal(['fsck', ...at])
    expect(after, after.stdout).toMatchObject({ code: 0 })
    expect((await careseal(['verify', ...at])).code).toBe(0)
  })
})
