// What the directory of a rolled-back identity holds once it is recovered: each account once, and none open that was
// closed, or may have been. The chain itself is the library's part.
import { randomUUID } from 'node:crypto'
import { parseEventBody } from '@careseal/contracts'
import { deriveTagKey, hex, tagOf } from '@careseal/crypto'
import { EventStore, type RecoveredLeaf } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { EventTransactions, type Recovery } from '@careseal/nest-event-store'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identityRecovery } from '../src/recovery/identity-recovery.js'
import { Callers } from './callers.js'
import { runIdentity, testKey, type RunningIdentity } from './running-identity.js'

type Lost = { restored: Recovery['restored'] }

let identity: RunningIdentity
let callers: Callers
let sql: Client

beforeAll(async () => {
  identity = await runIdentity()
  callers = await new Callers(identity).signIn()
  sql = new Client({ connectionString: new URL('/careseal', identity.superuserUrl).href })
  await sql.connect()
  await sql.query('SET search_path = identity, identity_keys')
})
afterAll(async () => {
  await sql.end()
  await identity.stop()
})

const get = <T>(token: abstract new (...args: never[]) => T) => identity.app().get<T>(token, { strict: false })
const model = () => identityRecovery({ origin: '', keys: get(SubjectKeys), storeOf: () => get<EventStore>(EventStore) })

function recover(recovery: Partial<Recovery>): Promise<Record<string, number>> {
  const whole = { chains: [], restored: [], next: 'identity-2', ...recovery }
  return get(EventTransactions).run((tx) => model().follow(tx, whole))
}

/** Does `work`, and puts the directory back as it was before; answers the events that the broker would hold of it. */
async function losing(work: () => Promise<unknown>): Promise<Lost> {
  const { rows: marks } = await sql.query<{ pk: string }>('SELECT max(pk) AS pk FROM event')
  for (const table of TABLES) await sql.query(`CREATE TABLE old_${table} AS TABLE ${table}`)
  await work()
  const { rows } = await sql.query<{ body: Buffer }>('SELECT body FROM event WHERE pk > $1 ORDER BY pk', [marks[0]!.pk])
  await sql.query('TRUNCATE member, account, client')
  for (const table of TABLES) await sql.query(`INSERT INTO ${table} TABLE old_${table}; DROP TABLE old_${table}`)
  const events = rows.map(({ body }) => parseEventBody(body))
  return { restored: events.map((event) => ({ event, streamId: model().streamOf(event), streamVersion: 1 })) }
}

const TABLES = ['member', 'account', 'client']

// Streams are left out: the id of a system's was in the private part.
async function directory(): Promise<object[]> {
  const accounts = await sql.query(
    'SELECT account_id, role, member_id, practitioner_id, patient_id, subject_id, event_id, closed_at FROM account ORDER BY 1',
  )
  const members = await sql.query('SELECT * FROM member ORDER BY 1')
  return [...members.rows, ...accounts.rows]
}

async function isClosed(accountId: string): Promise<boolean> {
  const { rows } = await sql.query('SELECT closed_at FROM account WHERE account_id = $1', [accountId])
  return rows[0].closed_at !== null
}

const closing = (accountId: string) => callers.call('DELETE', `/auth/accounts/${accountId}`)
const newPatient = () => callers.post('/auth/patients', { patientId: randomUUID(), name: 'canary-patient' })

/** The lost leaf of a subject's next event. */
async function lostLeafOf(subjectId: string): Promise<RecoveredLeaf> {
  const { rows } = await sql.query<{ month: string; n: string }>(
    'SELECT month, n FROM tag_counter WHERE subject_id = $1',
    [subjectId],
  )
  const { month, n } = rows[0]!
  const keys = await get(EventTransactions).run((tx) =>
    get(SubjectKeys).acquire(tx.sql, [subjectId], { create: false }),
  )
  const tag = tagOf(deriveTagKey(keys.get(subjectId)!.key, 'identity', subjectId, month), Number(n) + 1)
  const hash = new Uint8Array(32)
  const place = { seq: 9, leafIndex: 99, height: 9, leafHash: hash, link: hash }
  return { ...place, tag: hex(tag), commitment: hex(hash), source: 'lost' }
}

describe('a recovered identity database', () => {
  it('holds each account once, whoever has a login', async () => {
    let after: object[] = []
    const lost = await losing(async () => {
      const { memberId } = await callers.practitioner(randomUUID())
      await callers.login((await newPatient()).accountId)
      await callers.login((await callers.post('/auth/staff', { role: 'auditor', name: 'canary-auditor' })).accountId)
      await callers.post('/auth/clients', { memberId, name: 'canary-system', jwk: (await testKey()).jwk })
      after = await directory()
    })
    expect(await directory()).not.toEqual(after)
    expect(await recover(lost)).toEqual({ accountsClosed: 0 })
    expect(await directory()).toEqual(after)
  })

  it('takes up the login of an account that the copy holds', async () => {
    const { accountId } = await newPatient()
    const before = await directory()
    const lost = await losing(() => callers.login(accountId))
    await recover(lost)
    expect(await directory()).toEqual(before)
    await callers.login(accountId)
  })

  it('has an account closed again whose closing came back', async () => {
    const { accountId } = await newPatient()
    const lost = await losing(() => closing(accountId))
    expect(await isClosed(accountId)).toBe(false)
    await recover(lost)
    expect(await isClosed(accountId)).toBe(true)
  })

  it('closes an account of which an event is lost, and leaves all others open', async () => {
    const [hit, other] = [await callers.practitioner(), await callers.practitioner()]
    const chains = [{ producer: 'identity', before: 4, leaves: [await lostLeafOf(hit.accountId)] }]
    expect(await recover({ chains })).toEqual({ accountsClosed: 1 })
    expect([await isClosed(hit.accountId), await isClosed(other.accountId)]).toEqual([true, false])
  })
})
