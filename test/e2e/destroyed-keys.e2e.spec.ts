// An operator destroys a patient's keys: nothing of the patient opens any more, also after somebody puts the old key
// schemas back, and everybody else is as before. The signer's memory is what makes the difference.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callersOf, grantOf, type Callers } from '../support/callers.js'
import { careseal, UP_DEADLINE_MS, upDetached } from '../support/careseal.js'

const SERVICES = ['audit', 'consent', 'identity', 'records']
const TABLES = ['subject', 'subject_key', 'tombstone']

let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
let sql: Client
let destroyed: string
let other: string
let observation: string

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  destroyed = callers.claims('patient-1').careseal.patientId as string
  other = callers.claims('patient-2').careseal.patientId as string
  sql = new Client({ connectionString: ledger.postgres })
  sql.on('error', () => {})
  await sql.connect()
}, UP_DEADLINE_MS)
afterAll(async () => {
  await sql?.end()
  await ledger?.down()
})

const run = (...args: string[]) => careseal([...args, '--data-dir', ledger.dataDir])
const searchOf = (patientId: string) => `/fhir/Observation?patient=${patientId}&_count=2`

async function violations(): Promise<{ code: number | null; invariants: string[]; text: string }> {
  const { code, stdout } = await run('fsck', '--json')
  const { checks } = JSON.parse(stdout) as { checks: { violations: { invariant: string; where: string }[] }[] }
  const found = checks.flatMap((check) => check.violations)
  return { code, invariants: [...new Set(found.map(({ invariant }) => invariant))], text: stdout }
}

async function keyRows(): Promise<number> {
  const counts = SERVICES.map((name) => `(SELECT count(*) FROM ${name}_keys.subject_key WHERE subject_id = $1)`)
  const { rows } = await sql.query<{ count: string }>(`SELECT ${counts.join(' + ')} AS count`, [destroyed])
  return Number(rows[0]?.count)
}

/** The statuses of all that could show the patient's data, asked by the patient and by whom the patient permitted. */
async function answers(): Promise<number[]> {
  const asked = await Promise.all([
    callers.get('patient-1', `/fhir/Patient/${destroyed}`),
    callers.get('patient-1', `/fhir/Observation/${observation}`),
    callers.get('clinician', `/fhir/Observation/${observation}`),
    callers.get('patient-1', `/audit/patients/${destroyed}/accesses`),
  ])
  return asked.map(({ status }) => status)
}

async function othersRead(): Promise<void> {
  const { status, body } = await callers.get('patient-2', searchOf(other))
  expect([status, body.entry?.length]).toEqual([200, 2])
}

describe('a patient whose keys are destroyed', () => {
  it('could be read before, by the patient and by whom the patient permitted', async () => {
    const { body } = await callers.get('patient-1', searchOf(destroyed))
    observation = body.entry[0].resource.id as string
    const { practitionerId } = callers.claims('clinician').careseal
    expect((await callers.post('patient-1', '/fhir/Consent', grantOf(destroyed, practitionerId))).status).toBe(201)
    expect(await answers()).toEqual([200, 200, 200, 200])
    await othersRead()
    await sql.query('CREATE SCHEMA kept')
    for (const name of SERVICES)
      for (const table of TABLES) await sql.query(`CREATE TABLE kept.${name}_${table} AS TABLE ${name}_keys.${table}`)
  })

  it('is not destroyed by accident', async () => {
    const without = await run('keys', 'destroy', `Patient/${destroyed}`)
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be undone') })
    expect((await run('keys', 'destroy', destroyed, '--yes')).code).toBe(2)
    expect(await answers()).toEqual([200, 200, 200, 200])
  })

  it('opens for nobody afterwards, and may be destroyed again', async () => {
    const ended = await run('keys', 'destroy', `Patient/${destroyed}`, '--yes', '--json')
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const { done, services } = JSON.parse(ended.stdout) as { done: boolean; services: { service: string }[] }
    expect([done, services.map(({ service }) => service)]).toEqual([true, SERVICES])
    expect((await answers()).filter((status) => ![404, 410].includes(status))).toEqual([])
    expect(await keyRows()).toBe(0)
    await othersRead()
    expect(await run('keys', 'destroy', `Patient/${destroyed}`, '--yes', '--json')).toMatchObject({
      stdout: ended.stdout,
    })
  })

  it('opens for nobody while the old key schemas are put back beneath running services, and fsck names what is left', async () => {
    await putBack()
    expect(await keyRows()).toBeGreaterThan(0)
    expect((await answers()).filter((status) => ![404, 410].includes(status))).toEqual([])
    const found = await violations()
    // The services obey the signer every ten seconds, and fsck looks again at what may pass: then nothing is left to name.
    const left = found.code === 0 ? await keyRows() : 'named'
    expect([0, 3]).toContain(found.code)
    expect([found.invariants, left]).toEqual(found.code === 0 ? [[], 0] : [['I22'], 'named'])
    expect(found.text).not.toContain(destroyed)
  })

  it('opens for nobody after services lost their connections or died, and nothing of the patient stays', async () => {
    process.kill(pidOf('records'), 'SIGKILL')
    await sql.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY ($1)`, [SERVICES])
    await expect.poll(keyRows, { timeout: 60_000, interval: 500 }).toBe(0)
    await isReady()
    callers = await callersOf(ledger)
    expect((await answers()).filter((status) => ![404, 410].includes(status))).toEqual([])
    await othersRead()
    expect(await violations()).toMatchObject({ code: 0, invariants: [] })
  })

  it('stays destroyed although the signer dies while another’s keys are being destroyed', async () => {
    const another = randomUUID()
    process.kill(pidOf('ledger-sequencer'), 'SIGKILL')
    const { code } = await run('keys', 'destroy', `Practitioner/${another}`, '--yes')
    expect([0, 1, 4]).toContain(code)
    const repeated = async () => (await run('keys', 'destroy', `Practitioner/${another}`, '--yes')).code
    await expect.poll(repeated, { timeout: 60_000, interval: 1000 }).toBe(0)
    await isReady()
    expect(await violations()).toMatchObject({ code: 0, invariants: [] })
    for (const id of [destroyed, another]) expect(tombstones()).toContain(id)
  })

  it('stands in nobody’s log by id', async () => {
    for (const name of [...SERVICES, 'ledger-sequencer']) {
      expect(readFileSync(join(ledger.dataDir, 'logs', `${name}.log`), 'utf8')).not.toContain(destroyed)
    }
  })
})

function tombstones(): string {
  return readFileSync(join(ledger.dataDir, 'signer', 'tombstones.jsonl'), 'utf8')
}

async function isReady(): Promise<void> {
  await expect.poll(async () => (await run('status')).code, { timeout: 90_000, interval: 1000 }).toBe(0)
}

/** The process of a service: the supervisor's child that runs its program. */
function pidOf(service: string): number {
  const main = `/${service}/dist/main.js`
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => parentOf(pid) === ledger.pid && commandOf(pid).includes(main))
  if (found === undefined) throw new Error(`no process of ${service}`)
  return Number(found)
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(procFile(pid, 'status'))?.[1])
}

function commandOf(pid: string): string {
  return procFile(pid, 'cmdline').replaceAll('\0', ' ')
}

// A process may end while the list is being read.
function procFile(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

/** As whoever restores a backup does: past every trigger. */
async function putBack(): Promise<void> {
  await sql.query('BEGIN; SET LOCAL session_replication_role = replica')
  for (const name of SERVICES) {
    for (const table of TABLES.toReversed()) await sql.query(`DELETE FROM ${name}_keys.${table}`)
    for (const table of TABLES) await sql.query(`INSERT INTO ${name}_keys.${table} SELECT * FROM kept.${name}_${table}`)
  }
  await sql.query('COMMIT')
}
