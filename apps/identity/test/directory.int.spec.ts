// Who may make, see and close accounts, and what of them stands in the tables.
import { randomUUID } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from 'nats'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Callers, type Made } from './callers.js'
import { assertion, runIdentity, testKey, type RunningIdentity } from './running-identity.js'

describe('the directory of identity', () => {
  let identity: RunningIdentity
  let callers: Callers

  beforeAll(async () => {
    identity = await runIdentity()
    callers = await new Callers(identity).signIn()
  })
  afterAll(() => identity.stop())

  describe('the directory', () => {
    it('lists without names, and with the names of a page on request', async () => {
      const { accountId } = await callers.post('/auth/staff', { role: 'auditor', name: 'canary-auditor' })
      const bare = (await callers.call('GET', '/auth/staff?limit=200')).body as unknown as {
        items: { accountId: string }[]
      }
      expect(bare.items.find((item) => item.accountId === accountId)).toEqual({
        accountId,
        role: 'auditor',
        closed: false,
      })
      const named = (await callers.call('GET', '/auth/staff?names=true')).body as unknown as { items: object[] }
      expect(named.items).toContainEqual({ accountId, role: 'auditor', closed: false, name: 'canary-auditor' })
    })

    it('pages through all of it', async () => {
      for (let n = 0; n < 5; n++) await callers.post('/auth/members', { kind: 'authority', name: `canary-${n}` })
      const ids: string[] = []
      let after: string | undefined
      do {
        const answer = await callers.call('GET', `/auth/members?limit=2${after ? `&after=${after}` : ''}`)
        const page = answer.body as unknown as { items: Made[]; next?: string }
        ids.push(...page.items.map(({ memberId }) => memberId))
        after = page.next
      } while (after)
      const all = (await callers.call('GET', '/auth/members?limit=200')).body as unknown as { items: Made[] }
      expect(ids).toEqual(all.items.map(({ memberId }) => memberId))
      expect(ids.length).toBeGreaterThan(2)
    })

    it.each([
      ['/auth/practitioners', { memberId: randomUUID(), name: 'x' }, 422, 'unknown-member'],
      ['/auth/practitioners', { name: 'x' }, 400, 'invalid-request'],
      ['/auth/members', { kind: 'circus', name: 'x' }, 400, 'invalid-request'],
      ['/auth/patients', { patientId: 'x', name: 'x' }, 400, 'invalid-request'],
      ['/auth/staff', { role: 'patient', name: 'x' }, 400, 'invalid-request'],
      ['/auth/staff', { role: 'auditor', name: 'x', more: 1 }, 400, 'invalid-request'],
    ])('refuses a POST to %s with %j: %i %s', async (path, body, status, code) => {
      const answer = await callers.call('POST', path, { body })
      expect([answer.status, answer.body.code]).toEqual([status, code])
    })

    it('refuses a client for an unknown account, and a key with its private half', async () => {
      const key = await testKey()
      const unknown = await callers.call('POST', '/auth/clients', {
        body: { accountId: randomUUID(), name: 'x', jwk: key.jwk },
      })
      expect([unknown.status, unknown.body.code]).toEqual([404, 'unknown-account'])
      const { accountId } = await callers.practitioner()
      const jwk = { ...key.jwk, d: key.jwk.x }
      const secret = await callers.call('POST', '/auth/clients', { body: { accountId, name: 'x', jwk } })
      expect([secret.status, secret.body.code]).toEqual([400, 'invalid-request'])
    })

    it('takes an id in upper case for the same one in lower case, as its patient, member and account', async () => {
      const patientId = randomUUID()
      const { accountId } = await callers.post('/auth/patients', { patientId: patientId.toUpperCase(), name: 'x' })
      const database = new Client(identity.databases.identity.ownerUrl)
      await database.connect()
      const { rows } = await database.query<{ subject_id: string; body: string }>(
        `SELECT subject_id, convert_from(body, 'UTF8') AS body FROM event JOIN event_private ON event_pk = pk
         WHERE stream_id = $1`,
        [`account-${accountId}`],
      )
      await database.end()
      expect(rows.map(({ subject_id }) => subject_id)).toEqual([patientId])
      expect(rows[0]!.body).toContain(patientId)
      const { memberId } = await callers.post('/auth/members', { kind: 'hospital', name: 'x' })
      await callers.post('/auth/practitioners', { memberId: memberId.toUpperCase(), name: 'x' })
      const { sub } = await callers.claimsOf(callers.admin)
      const own = await callers.call('DELETE', `/auth/accounts/${String(sub).toUpperCase()}`)
      expect([own.status, own.body.code]).toEqual([409, 'own-account'])
    })

    it('makes one account for one idempotency key, and the same answer', async () => {
      const key = randomUUID()
      const body = { role: 'auditor', name: 'canary-once' }
      const answers = await Promise.all([1, 2, 3].map(() => callers.call('POST', '/auth/staff', { body, key })))
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
      expect(new Set(answers.map((answer) => answer.body.accountId)).size).toBe(1)
      expect(answers[0]!.headers.get('location')).toBe(`/auth/accounts/${answers[0]!.body.accountId}`)
      const other = await callers.call('POST', '/auth/staff', { body: { ...body, name: 'canary-other' }, key })
      expect([other.status, other.body.code]).toEqual([422, 'idempotency-mismatch'])
    })
  })

  describe('closing an account', () => {
    it('ends its tokens at once', async () => {
      const { accountId, clientId, key } = await callers.practitioner()
      await callers.tokenOf(clientId, key, 'user/*.rs')
      expect((await callers.call('DELETE', `/auth/accounts/${accountId}`)).status).toBe(204)
      expect((await callers.ask(await assertion(clientId, key), 'user/*.rs')).status).toBe(401)
      const again = await callers.call('DELETE', `/auth/accounts/${accountId}`)
      expect([again.status, again.body.code]).toEqual([409, 'account-closed'])
      const late = await callers.call('POST', '/auth/clients', { body: { accountId, name: 'x', jwk: key.jwk } })
      expect([late.status, late.body.code]).toEqual([409, 'account-closed'])
    })

    it("ends a system's tokens too", async () => {
      const key = await testKey()
      const { memberId } = await callers.post('/auth/members', { kind: 'laboratory', name: 'canary-laboratory' })
      const { clientId, accountId } = await callers.post('/auth/clients', {
        memberId,
        name: 'canary-system',
        jwk: key.jwk,
      })
      await callers.tokenOf(clientId, key, 'system/*.rs')
      expect((await callers.call('DELETE', `/auth/accounts/${accountId}`)).status).toBe(204)
      expect((await callers.ask(await assertion(clientId, key), 'system/*.rs')).status).toBe(401)
    })

    it('is refused for an unknown account and for the one in use', async () => {
      const unknown = await callers.call('DELETE', `/auth/accounts/${randomUUID()}`)
      expect([unknown.status, unknown.body.code]).toEqual([404, 'unknown-account'])
      const own = await callers.call('DELETE', `/auth/accounts/${(await callers.claimsOf(callers.admin)).sub}`)
      expect([own.status, own.body.code]).toEqual([409, 'own-account'])
    })
  })

  describe('who is not the operator', () => {
    it.each(['members', 'practitioners', 'patients', 'staff', 'clients'])(
      'reaches nothing under /auth/%s',
      async (path) => {
        const { clientId, key } = await callers.practitioner()
        const token = await callers.tokenOf(clientId, key, 'user/*.cruds')
        for (const method of ['GET', 'POST']) {
          const body = method === 'POST' ? { body: {} } : {}
          const answer = await callers.call(method, `/auth/${path}`, { token, ...body })
          expect([answer.status, answer.body.code]).toEqual([403, 'role-not-allowed'])
        }
        const anonymous = await fetch(`${identity.origin}/auth/${path}`)
        expect(anonymous.status).toBe(401)
      },
    )
  })

  it('publishes each fact', async () => {
    const { accountId } = await callers.post('/auth/patients', { patientId: randomUUID(), name: 'canary-patient' })
    await callers.call('DELETE', `/auth/accounts/${accountId}`)
    const nc = await connect({ servers: identity.natsUrl })
    const { streams } = await jetstreamManager(nc)
    const published = async () => (await streams.info('EVENTS', { subjects_filter: 'evt.identity.>' })).state.subjects
    await expect.poll(published).toMatchObject({
      'evt.identity.account.patient-account-opened': expect.any(Number),
      'evt.identity.account.account-closed': expect.any(Number),
    })
    await nc.close()
  })

  it('writes each fact once, in its stream, and no name outside a ciphertext', async () => {
    const { accountId } = await callers.practitioner()
    const client = new Client(identity.databases.identity.ownerUrl)
    await client.connect()
    const { rows } = await client.query(
      `SELECT stream_id, event_type, convert_from(body, 'UTF8') AS body FROM event WHERE stream_id = $1`,
      [`account-${accountId}`],
    )
    expect(rows.map(({ event_type }) => event_type)).toEqual(['PractitionerRegistered'])
    for (const table of ['event', 'event_private', 'idempotency', 'member', 'account', 'client', 'provider_record']) {
      const dump = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${table} t`)
      const text = dump.rows.map(({ line }) => line).join('\n')
      expect(text).not.toContain('canary')
      expect(text).not.toContain(Buffer.from('canary').toString('hex'))
    }
    await client.end()
    const log = identity.lines.join('')
    expect(log).not.toContain('canary')
    expect(log).not.toContain(accountId)
    expect(log).not.toMatch(/"level":"(?:error|fatal)"/)
  })
})
