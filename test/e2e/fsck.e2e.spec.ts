// What a checker is worth: each kind of damage is done to a copy of one small, real ledger, and fsck must name the
// invariant and the place. The ledger itself, and an export of it, must be clean.
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fsck } from '../../apps/cli/src/fsck/fsck.js'
import type { CheckResult, FsckReport } from '../../apps/cli/src/fsck/report.js'
import { fsckInputOf } from '../../apps/cli/src/fsck/run-fsck.js'
import { canonicalBytes, deriveRecordKey, open, rowAad, seal, unwrapKey, type SubjectKey } from '@careseal/crypto'
import {
  kmsKeyFile,
  openDataDir,
  readLastState,
  startPostgres,
  type DataDir,
  type RunningPostgres,
} from '@careseal/stack'
import { eventually } from '@careseal/testing'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, caresealOk, temporaryFolder, tokenOf, upDetached } from '../support/careseal.js'
import { IN_EVENTS, ON_THE_LEDGER } from '../support/damage-to-ledger.js'
import { IN_ANSWERS, IN_KEYS, IN_LOST_LEAVES, IN_READ_MODELS, IN_VERSIONS } from '../support/damage-to-services.js'
import { answerOf, claimsOf, grantOf, writeBundles, type Answer } from '../support/fhir.js'

const DAMAGES = [
  ...ON_THE_LEDGER,
  ...IN_EVENTS,
  ...IN_VERSIONS,
  ...IN_READ_MODELS,
  ...IN_ANSWERS,
  ...IN_KEYS,
  ...IN_LOST_LEAVES,
]
const PATIENTLY = { withinMs: 120_000 }
/** The ledger is looked at dozens of times: patients enough for two full tiles, no more. */
const PATIENTS = 4
const bundles = temporaryFolder()
const mirror = temporaryFolder()
const broken = new Set<string>()
let ledger: Awaited<ReturnType<typeof upDetached>>
let dataDir: DataDir
let postgres: RunningPostgres
let ledgerOrigin: string
let policyFile: string | null
let copies = 0

beforeAll(async () => {
  writeBundles(bundles.path, { seed: 'fsck', patients: PATIENTS })
  ledger = await upDetached(['--data', bundles.path])
  dataDir = openDataDir(ledger.dataDir)
  ;({ ledgerOrigin, policyFile } = readLastState(dataDir)!)
  await live()
  const at = ['--data-dir', ledger.dataDir]
  await eventually(() => caresealOk(['fsck', ...at]), PATIENTLY)
  await caresealOk(['ledger', 'export', mirror.path, ...at])
  await careseal(['down', ...at])
  const password = dataDir.secret('postgres-superuser', () => '')
  postgres = await startPostgres({ dataDir: dataDir.path('postgres'), password, durable: false })
}, 480_000)
afterAll(async () => {
  await postgres?.stop()
  await ledger?.down()
  bundles.remove()
  mirror.remove()
})

/** Two consents, one of them revoked, and reads under both: every kind of event that fsck follows. */
async function live(): Promise<void> {
  const [patient = '', clinician = ''] = await Promise.all(
    ['patient-1', 'clinician'].map((who) => tokenOf(dataDir.root, who)),
  )
  const { patientId = '' } = claimsOf(patient)
  const { practitionerId } = claimsOf(clinician)
  const body = grantOf(patientId, { actors: [`Practitioner/${practitionerId}`] })
  const read = (token: string, status: number) => asked(`Patient/${patientId}`, { method: 'GET', token }, status)
  const grant = () => {
    const headers = { 'idempotency-key': randomUUID() }
    return asked('Consent', { method: 'POST', token: patient, body, headers }, 201)
  }
  await read(clinician, 404)
  const [, consentId = ''] = /Consent\/([^/]+)/.exec((await grant()).headers.get('location') ?? '') ?? []
  await read(clinician, 200)
  const revoked = { ...body, id: consentId, status: 'inactive' }
  await asked(`Consent/${consentId}`, { method: 'PUT', token: patient, body: revoked }, 200)
  await read(clinician, 404)
  await grant()
  for (const token of [clinician, patient]) await read(token, 200)
}

/** Asks until the answer has the status: a busy machine may answer 503 for a while. */
async function asked(path: string, request: Parameters<typeof answerOf>[1], status: number): Promise<Answer> {
  return eventually(async () => {
    const answer = await answerOf(`${ledger.origin}/fhir/${path}`, request)
    expect(answer.status).toBe(status)
    return answer
  }, PATIENTLY)
}

/** A copy of the ledger's database, damaged and looked at. */
async function looked(damage: (client: Client) => Promise<unknown>): Promise<FsckReport> {
  const name = `copy_${++copies}`
  const superuser = new Client(urlOf('postgres'))
  await superuser.connect()
  try {
    await superuser.query(`CREATE DATABASE ${name} TEMPLATE careseal`)
    await withClient(urlOf(name), damage)
    const report = await fsck(fsckInputOf({ dataDir, state: { postgres: urlOf(name), ledgerOrigin, policyFile } }))
    for (const check of report.checks.filter((each) => each.violations.length > 0)) broken.add(kindOf(check))
    return report
  } finally {
    await superuser.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await superuser.end()
  }
}

function urlOf(database: string): string {
  return Object.assign(new URL(postgres.url), { pathname: `/${database}` }).href
}

async function withClient(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(url)
  await client.connect()
  try {
    await client.query('SET session_replication_role = replica')
    await work(client)
  } finally {
    await client.end()
  }
}

/** The check, whichever service it is of. */
function kindOf({ name }: CheckResult): string {
  return name.replace(/^(audit|consent|identity|records): /, '')
}

function named(report: FsckReport, invariant: string): string[] {
  const all = report.checks.flatMap((check) => check.violations)
  return all.filter((violation) => violation.invariant === invariant).map(({ where }) => where)
}

describe('fsck of a ledger that nobody touched', () => {
  let report: FsckReport
  beforeAll(async () => {
    report = await looked(async () => {})
  }, 120_000)

  it('is clean and has looked at something for every invariant that databases can show', () => {
    expect(report.checks.flatMap(({ violations }) => violations)).toEqual([])
    const left = report.invariants.filter(({ state }) => state !== 'holds').map(({ id }) => id)
    expect(left).toEqual(['I14', 'I17'])
  })

  it('is clean from an export too, as verify is', async () => {
    const at = ['--export', mirror.path]
    expect(await careseal(['verify', ...at])).toMatchObject({ code: 0 })
    expect(await careseal(['fsck', ...at])).toMatchObject({ code: 0 })
    const policed = await caresealOk(['fsck', ...at, '--policy', policyFile!])
    expect(policed).toMatch(/✓ I18/)
    rmSync(join(mirror.path, 'tile', '0', '001'))
    const { code, stdout } = await careseal(['fsck', ...at])
    expect({ code, stdout }).toEqual({ code: 3, stdout: expect.stringContaining('I6 tile/0/001') })
  })
})

describe('fsck of a damaged ledger', () => {
  it.each(DAMAGES)('finds $what', async ({ sql, invariant, place }) => {
    const report = await looked((client) => client.query(sql))
    expect(
      named(report, invariant).join('\n'),
      JSON.stringify(report.checks.flatMap((c) => c.violations)).slice(0, 2_000),
    ).toMatch(place)
    expect(report.invariants.find(({ id }) => id === invariant)?.state).toBe('broken')
  })

  it('finds an opening that was used for two leaves, each of which it opens', async () => {
    const report = await looked(reuseOpening)
    expect(named(report, 'I15').join()).toMatch(/records event/)
  })

  it.each([
    ['ahead of the blocks', { size: 10 ** 9, root: 'ab'.repeat(32) }, 'I10'],
    ['behind what is published', { size: 2 }, 'I8'],
    ['of another history', { root: 'ab'.repeat(32) }, 'I5'],
    ['not whole', { root: 'ab' }, 'I5'],
  ])('finds a signer’s memory that is %s', async (_how, change, invariant) => {
    const file = dataDir.path('signer', 'signer-state.json')
    const kept = readFileSync(file, 'utf8')
    try {
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(kept) as object), ...change }))
      expect(named(await looked(async () => {}), invariant).join()).toMatch(/signer state/)
    } finally {
      writeFileSync(file, kept)
    }
  })

  it('has no check that none of this breaks', async () => {
    const { checks } = await looked(async () => {})
    expect(checks.map(kindOf).filter((kind) => !broken.has(kind))).toEqual([])
  })
})

type PrivateRow = {
  event_pk: string
  event_id: string
  event_type: string
  key_id: string
  opening: Buffer
  body: Buffer
}

/** Gives a second event of one subject the opening of a first, sealed in its own place and with its own commitment. */
async function reuseOpening(client: Client): Promise<void> {
  const { rows } = await client.query<PrivateRow>(
    `SELECT p.event_pk, e.event_id, e.event_type, p.key_id, p.opening, e.body
     FROM records.event_private p JOIN records.event e ON e.pk = p.event_pk
     WHERE p.key_id = (SELECT key_id FROM records.event_private GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)
     ORDER BY p.event_pk LIMIT 2`,
  )
  const [first, second] = rows as [PrivateRow, PrivateRow]
  const key = await keyOf(client, first.key_id)
  const rowKey = deriveRecordKey(key, { type: 'event', id: key.subjectId, version: 'private' })
  const aad = ({ event_type: type, event_id: id }: PrivateRow) =>
    rowAad({ origin: ledgerOrigin, keyId: key.keyId, type, id, version: 'opening', schema: 1 })
  const opening = open({ key: rowKey, sealed: first.opening, aad: aad(first) })
  const sealed = seal({ key: rowKey, nonce: randomBytes(12), plaintext: opening, aad: aad(second) })
  await client.query('UPDATE records.event_private SET opening = $1 WHERE event_pk = $2', [
    Buffer.from(sealed),
    second.event_pk,
  ])
}

async function keyOf(client: Client, keyId: string): Promise<SubjectKey> {
  const { rows } = await client.query<{ subject_id: string; key_version: number; wrapped: Buffer }>(
    'SELECT subject_id, key_version, wrapped FROM records_keys.subject_key WHERE key_id = $1',
    [keyId],
  )
  const { subject_id: subjectId, key_version: keyVersion, wrapped } = rows[0]!
  const root = Buffer.from(readFileSync(kmsKeyFile(dataDir, 'records'), 'utf8').trim(), 'hex')
  const aad = canonicalBytes(['careseal/v1/subject-key', subjectId, keyId, keyVersion])
  return { subjectId, keyId, keyVersion, key: unwrapKey({ root, wrapped, aad }) }
}
