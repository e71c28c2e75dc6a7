import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { projectionReader, ProjectionReader } from '@careseal/nest-event-store'
import { eventually } from '@careseal/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditor, denied, isLogged, newPatient, read, startWorld, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

describe('the projection', () => {
  it('rebuilt from the producers equals the live one, while the service runs', async () => {
    for (let n = 0; n < 12; n++) await isLogged(world, await world.records.append('RecordRead', read(newPatient())))
    await caughtUp()
    const live = await dump()
    const { settings } = world.service
    const env = { ...process.env, ...stringsOf(settings) }
    const command = new URL('../dist/rebuild.js', import.meta.url).pathname
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command], { env })
    expect(stdout).toBe('rebuilt access-log\nrebuilt accounts\n')
    expect(stderr).toMatch(/access-log \d+\/\d+/)
    expect(live.length).toBeGreaterThan(10)
    expect(await dump()).toEqual(live)
    await isLogged(world, await world.records.append('RecordRead', read(newPatient())))
  })

  it('after an erasure keeps the lines but not whose they were, also when it is rebuilt', async () => {
    const patient = newPatient()
    const eventId = await world.records.append('RecordRead', read(patient))
    await isLogged(world, eventId)
    await caughtUp()
    const { rows: before } = await world.database.query('SELECT count(*)::int AS lines FROM audit.access_log')
    await erase(patient.patientId!)
    await world.service.app.get<ProjectionReader>(projectionReader('access-log'), { strict: false }).rebuild()
    const { rows: after } = await world.database.query('SELECT count(*)::int AS lines FROM audit.access_log')
    expect(after[0].lines).toBeGreaterThanOrEqual(before[0].lines)
    const { rows } = await world.database.query('SELECT 1 FROM audit.access_detail WHERE event_id = $1', [eventId])
    const { rows: links } = await world.database.query('SELECT 1 FROM audit.subject_number WHERE patient_id = $1', [
      patient.patientId,
    ])
    expect([rows, links]).toEqual([[], []])
    expect((await world.service.request(auditor, `GET /audit/patients/${patient.patientId}/accesses`)).status).toBe(404)
  })
})

describe('the monitor', () => {
  it('counts denials by code, and no id is a label', async () => {
    await world.consent.append('AccessDenied', denied(newPatient()))
    await eventually(async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${world.service.metricsPort}/metrics`)).text()
      const lines = metrics.split('\n').filter((line) => line.startsWith('careseal_access_denials'))
      expect(lines.join('\n')).toMatch(
        /careseal_access_denials_total\{reason="no-consent",role="practitioner",purpose="HRESCH"/,
      )
      expect(lines.join('\n')).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
      expect(lines.find((line) => line.startsWith('careseal_access_denials_last_minute'))).toMatch(/ [1-9]\d*$/)
    })
  })
})

/** All lines with whose they are, without the random ids of the lines. */
async function dump(): Promise<object[]> {
  const { rows } = await world.database.query(
    `SELECT n.patient_id, l.*, d.* FROM audit.access_log l JOIN audit.access_detail d USING (entry_id)
     LEFT JOIN audit.subject_number n USING (number) ORDER BY d.event_id`,
  )
  return rows.map(({ entry_id: _entry, ...row }) => row)
}

/** The access log has applied all that producers have numbered. */
function caughtUp(): Promise<void> {
  return eventually(() => {
    const reader = world.service.app.get<ProjectionReader>(projectionReader('access-log'), { strict: false })
    const lags = Object.values(reader.status()?.producers ?? {}).map(({ seq, headSeq }) => (headSeq ?? Infinity) - seq)
    expect(lags).toEqual(lags.map(() => 0))
  })
}

/** What erasure does in this service, by hand. */
async function erase(patientId: string): Promise<void> {
  await world.database.query('BEGIN')
  await world.database.query('SET LOCAL ROLE audit_eraser')
  await world.database.query('SET LOCAL search_path = audit, audit_keys')
  await world.database.query(
    `DELETE FROM access_detail d USING access_log l, subject_number s
     WHERE l.entry_id = d.entry_id AND s.number = l.number AND s.patient_id = $1`,
    [patientId],
  )
  await world.database.query('DELETE FROM subject_number WHERE patient_id = $1', [patientId])
  await world.database.query('DELETE FROM subject_key WHERE subject_id = $1', [patientId])
  await world.database.query("UPDATE subject SET state = 'erased' WHERE subject_id = $1", [patientId])
  await world.database.query('COMMIT')
}

function stringsOf(settings: object): Record<string, string> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
