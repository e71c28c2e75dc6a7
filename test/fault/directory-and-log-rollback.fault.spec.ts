// Identity and audit go back in time. What was opened and closed since is so again, an account of which it cannot be told
// any more is closed, and the access log shows each line once (I21).
import { createPeopleLogins, OPERATOR, type CaresealStack } from '@careseal/stack'
import { exportJWK, generateKeyPair } from 'jose'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/careseal.js'
import { answerOf, claimsOf } from '../support/fhir.js'
import { RolledBackProducer } from './surroundings/rolled-back-producer.js'
import { startNativeStack } from './surroundings/native-stack.js'

const folder = temporaryFolder()
const patientId = randomUUID()
let stack: CaresealStack

beforeAll(async () => {
  stack = await startNativeStack(folder.path)
  await createPeopleLogins(stack, { patients: [patientId], practitioners: [], organizations: [] })
}, 600_000)
afterAll(async () => {
  await stack?.stop()
  folder.remove()
})

async function administer<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
  const answer = await answerOf(stack.origin + path, { method, token: await stack.tokenFor(OPERATOR), body, headers })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body as T
}

async function newAuditor(): Promise<string> {
  const body = { role: 'auditor', name: 'Sample Auditor' }
  return (await administer<{ accountId: string }>('POST', '/auth/staff', body)).accountId
}

async function newLogin(accountId: string): Promise<void> {
  const { publicKey } = await generateKeyPair('ES384')
  const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: 'ES384', use: 'sig' }
  await administer('POST', '/auth/clients', { accountId, name: 'Sample Login', jwk })
}

const closing = (accountId: string) => administer('DELETE', `/auth/accounts/${accountId}`)

/** Whether each account of staff is closed, by its id. */
async function closedStaff(): Promise<Record<string, boolean>> {
  type Page = { items: { accountId: string; closed: boolean }[] }
  const { items } = await administer<Page>('GET', '/auth/staff?limit=200')
  return Object.fromEntries(items.map(({ accountId, closed }) => [accountId, closed]))
}

describe('an identity database that went back', () => {
  it('has accounts open and closed as they were, and knows the logins of before', async () => {
    const identity = new RolledBackProducer(stack, 'identity')
    const first = await newAuditor()
    const made: string[] = []
    await identity.toBefore(async () => {
      made.push(await newAuditor(), await newAuditor())
      for (const accountId of [first, ...made]) await newLogin(accountId)
      await closing(made[1]!)
    })
    expect(await identity.recover()).toMatchObject({ incarnation: 'identity-2', fromBroker: 6, lost: [] })
    expect(await closedStaff()).toMatchObject({ [first]: false, [made[0]!]: false, [made[1]!]: true })
    expect(claimsOf(await stack.tokenFor('patient-1'))).toMatchObject({ patientId })
    await newLogin(made[0]!)
    await identity.expectClean()
  })

  it('has an account closed of which the broker has lost what was said last, and no other', async () => {
    const identity = new RolledBackProducer(stack, 'identity')
    const [closed, open] = [await newAuditor(), await newAuditor()]
    await identity.toBefore(() => closing(closed))
    await stack.nats.wipe()
    const report = await identity.recover()
    expect(report).toMatchObject({ incarnation: 'identity-3', fromBroker: 0, counts: { accountsClosed: 1 } })
    expect(report.lost).toHaveLength(1)
    expect(await closedStaff()).toMatchObject({ [closed]: true, [open]: false })
    await newLogin(open)
    await identity.expectClean()
  })
})

async function look(): Promise<void> {
  const path = `${stack.origin}/audit/patients/${patientId}/accesses`
  const { status } = await answerOf(path, { method: 'GET', token: await stack.tokenFor('patient-1') })
  expect(status).toBe(200)
}

/** The lines about patients, each as its producer and event, sorted. */
async function lines(): Promise<string[]> {
  const client = new Client({ connectionString: stack.state().postgres })
  await client.connect()
  const { rows } = await client.query<{ line: string }>(
    `SELECT producer || ' ' || event_id AS line FROM audit.access_detail ORDER BY 1`,
  )
  await client.end()
  return rows.map(({ line }) => line)
}

async function until(count: number): Promise<void> {
  await expect.poll(async () => (await lines()).length, { timeout: 60_000 }).toBe(count)
}

describe('an audit database that went back', () => {
  it('shows each line once, those of the looks at the log among them, and logs the next look', async () => {
    const audit = new RolledBackProducer(stack, 'audit')
    await look()
    await until(1)
    let before: string[] = []
    await audit.toBefore(async () => {
      await look()
      await look()
      await until(3)
      before = await lines()
    })
    expect(await audit.recover()).toMatchObject({ incarnation: 'audit-2', fromBroker: 2, lost: [] })
    await expect.poll(lines, { timeout: 60_000 }).toEqual(before)
    await look()
    await until(4)
    await audit.expectClean()
  })

  it('says of looks that the broker has lost, too, that they are lost, and goes on', async () => {
    const audit = new RolledBackProducer(stack, 'audit')
    const before = await lines()
    await audit.toBefore(look)
    await stack.nats.wipe()
    const report = await audit.recover()
    expect(report).toMatchObject({ incarnation: 'audit-3', fromBroker: 0 })
    expect(report.lost).toHaveLength(1)
    expect(await lines()).toEqual(before)
    await look()
    await until(5)
    await audit.expectClean()
  })
})
