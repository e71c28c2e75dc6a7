// Forged tokens, hostile input and a service whose broker seed was stolen: each is refused quickly, with a 4xx that says
// nothing of what is inside, and the ledger goes on.
import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectNats } from '@careseal/messaging'
import { generateKeyPair, importJWK, SignJWT, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  callersOf,
  claimsOf,
  eventuallyOk,
  observationOf,
  type Asked,
  type Callers,
  type Loose,
} from '../support/callers.js'
import { careseal, upDetached } from '../support/careseal.js'

let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
let clientIds: Map<string, string>

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  const logins = JSON.parse(readFileSync(join(ledger.dataDir, 'logins.json'), 'utf8')) as Loose[]
  clientIds = new Map(logins.map(({ name, clientId }) => [String(name), String(clientId)]))
})
afterAll(() => ledger?.down())

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function forged(): Promise<Record<string, string>> {
  const [header = '', payload = '', signature] = callers.token('patient-1').split('.')
  const head = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string; alg: string; typ: string }
  const claims = claimsOf(callers.token('patient-1'))
  const jwk = (await callers.get(null, '/auth/jwks')).body.keys[0] as JWK
  const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const symmetric = `${encoded({ ...head, alg: 'HS256' })}.${payload}`
  const own = await generateKeyPair('ES256')
  const signed = (changes: object, changedHead: object = {}) =>
    new SignJWT({ ...claims, ...changes }).setProtectedHeader({ ...head, ...changedHead }).sign(own.privateKey)
  return {
    'has no algorithm': `${encoded({ ...head, alg: 'none' })}.${payload}.`,
    'is signed with the public key as a secret': `${symmetric}.${createHmac('sha256', pem).update(symmetric).digest('base64url')}`,
    'has other claims than were signed': `${header}.${encoded({ ...claims, careseal: { role: 'auditor' } })}.${signature}`,
    'is signed with another key': await signed({}),
    'brings its key along': await signed({}, { kid: 'mine', jwk }),
    'is of another audience': await signed({ aud: 'https://elsewhere.example' }),
    'is an assertion': await assertion('lab'),
    'is nothing': '..',
  }
}

describe('an access token', () => {
  it('that was forged opens nothing, in whatever way', async () => {
    const told = await Promise.all(
      Object.entries(await forged()).map(async ([how, token]) => [
        how,
        (await callers.get(token, '/fhir/Observation')).status,
      ]),
    )
    expect(told).toEqual(told.map(([how]) => [how, 401]))
  })

  it('in the URL or as another scheme is none', async () => {
    const token = callers.token('patient-1')
    expect((await callers.get(null, `/fhir/Observation?access_token=${token}`)).status).toBe(401)
    expect((await callers.get(null, '/fhir/Observation', { authorization: `Basic ${token}` })).status).toBe(401)
  })
})

async function assertion(login: string, changes: { expiresIn?: string; claims?: object } = {}): Promise<string> {
  const key = JSON.parse(readFileSync(join(ledger.dataDir, 'secrets', `client-${login}.jwk.json`), 'utf8')) as JWK
  const id = String(clientIds.get(login))
  const claims = { iss: id, sub: id, aud: `${ledger.origin}/auth/token`, jti: randomUUID(), ...changes.claims }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES384', typ: 'JWT', ...(key.kid ? { kid: key.kid } : {}) })
    .setExpirationTime(changes.expiresIn ?? '2m')
    .sign(await importJWK(key, 'ES384'))
}

async function askToken(clientAssertion: string, parameters: Record<string, string> = {}) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: 'system/*.cruds',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion,
    ...parameters,
  })
  return callers.call(null, { method: 'POST', path: '/auth/token', body })
}

describe('the token endpoint', () => {
  it('takes an assertion once, however many come at once', async () => {
    const once = await assertion('lab')
    const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await askToken(once)).status))
    expect(statuses.toSorted()).toEqual([200, 401, 401, 401, 401, 401])
  })

  it('refuses assertions that are too long-lived, over, foreign, or for somebody else', async () => {
    const hospital = clientIds.get('hospital')
    const bad = [
      { expiresIn: '10m' },
      { expiresIn: '-10m' },
      { claims: { jti: undefined } },
      { claims: { aud: 'https://elsewhere.example/token' } },
      { claims: { iss: hospital, sub: hospital } },
      { claims: { sub: hospital } },
      { claims: { iss: "x' OR 1=1", sub: "x' OR 1=1" } },
      { claims: { iss: 'x\0', sub: 'x\0' } },
    ]
    const statuses = bad.map(async (changes) => (await askToken(await assertion('lab', changes))).status)
    expect(await Promise.all(statuses)).toEqual(bad.map(() => 401))
  })

  it('gives no more scope than the role has, and no other audience', async () => {
    const scope = 'careseal/admin system/*.cruds user/*.cruds patient/*.cruds'
    const { body } = await askToken(await assertion('patient-1'), { scope })
    expect(String(body.scope).split(' ').toSorted()).toEqual(['patient/*.rs', 'patient/Consent.cruds'])
    expect((await askToken(await assertion('patient-1'), { scope: 'careseal/admin' })).status).toBe(400)
    expect((await askToken(await assertion('lab'), { resource: 'https://elsewhere.example' })).status).toBe(400)
  })

  it('gives tokens that open what their scope names, and no log', async () => {
    const { body } = await askToken(await assertion('patient-1'), { scope: 'patient/Observation.rs' })
    const token = String(body.access_token)
    const { patientId } = callers.claims('patient-1').careseal
    const paths = [`/fhir/Observation?patient=${patientId}`, `/audit/patients/${patientId}/accesses`, '/fhir/Consent']
    const answers = await Promise.all(paths.map((path) => callers.get(token, path)))
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403])
  })

  it('knows the clients of a closed account no more', async () => {
    const { sub } = claimsOf(callers.token('clinician'))
    const path = `/auth/accounts/${sub}`
    expect((await callers.call('operator', { method: 'DELETE', path })).status).toBeLessThan(300)
    expect((await askToken(await assertion('clinician'), { scope: 'user/*.rs' })).status).toBe(401)
  })
})

const INTERNALS = /node_modules|\bat \w+ \(|SELECT |127\.0\.0\.1|typeorm|postgres|\/dist\//i

const at = (path: string, body: string | Uint8Array): Asked => ({ method: 'POST', path, body })
const get = (path: string): Asked => ({ method: 'GET', path })

describe('hostile input', () => {
  const ODD_IDS = ['..%2f..%2fsecrets', '%00', '%ff', '%zz', '__proto__', 'constructor', "1'%20OR%201=1"]
  const PREFIXES = [
    '/fhir/Observation',
    '/fhir/Consent',
    '/docs',
    '/ledger/tile',
    '/ledger/blocks',
    '/ledger/producers',
  ]
  const PAGES = ['_count=-1', '_count=x', '_cursor=AAAA', '__proto__=1', 'constructor=1']

  it.each<[string, Asked]>([
    ['a deep body', at('/fhir/Patient', '['.repeat(200_000))],
    ['a body beyond the limit', at('/fhir/Patient', `"${'a'.repeat(33 << 20)}"`)],
    ['a body beyond a small limit', at('/auth/members', `"${'a'.repeat(2 << 20)}"`)],
    ['a poisoned prototype', at('/fhir/Patient', '{"resourceType":"Patient","__proto__":{"a":1}}')],
    ['a poisoned constructor', at('/fhir/Patient', '{"constructor":{"prototype":{"a":1}}}')],
    ['a member twice', at('/fhir/Patient', '{"resourceType":"Patient","gender":"male","gender":"female"}')],
    ['bytes that are no UTF-8', at('/fhir/Patient', Buffer.from('{"a":"\xff"}', 'latin1'))],
    ['another media type', { ...at('/fhir/Patient', '<Patient/>'), headers: { 'content-type': 'application/xml' } }],
    ['a media type that is none', { ...at('/fhir/Patient', '{}'), headers: { 'content-type': 'x' } }],
    ['an unknown method', { method: 'PURGE', path: '/fhir/Patient/x' }],
    ['an odd purpose', { ...get('/fhir/Observation'), headers: { 'x-purpose-of-use': 'x'.repeat(4_000) } }],
    ['a long URL', get(`/fhir/Observation?code=${'a,'.repeat(7_000)}`)],
    ['a long id', get(`/fhir/Observation/${'x'.repeat(9_000)}`)],
    ...PREFIXES.flatMap((prefix) => ODD_IDS.map((id): [string, Asked] => [`${prefix}/${id}`, get(`${prefix}/${id}`)])),
    ...PAGES.map((page): [string, Asked] => [page, get(`/fhir/Observation?${page}`)]),
    ...['from=-1', 'limit=0', 'limit=1e9'].map((page): [string, Asked] => [page, get(`/ledger/blocks?${page}`)]),
  ])('%s is a quick and quiet 4xx', async (_what, asked) => {
    const started = performance.now()
    const { status, text } = await callers.call('hospital', asked)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect([Math.floor(status / 100), text]).toEqual([4, expect.not.stringMatching(INTERNALS)])
  })

  it('leaves the origin answering', async () => {
    expect((await callers.get(null, '/fhir/metadata')).status).toBe(200)
  })
})

const connectAs = (name: string) =>
  connectNats({ url: ledger.nats, name, seedFile: join(ledger.dataDir, 'secrets', `nats-${name}.nk`) })

describe('a stolen seed of a service', () => {
  it.each([
    ['records', 'evt.consent.consent.granted'],
    ['records', 'cmd.identity.outbox-head'],
    ['audit', 'evt.records.record.added'],
    ['consent', '_INBOX.records.x'],
    ['records', '$JS.API.STREAM.DELETE.EVENTS'],
    ['records', '$JS.API.STREAM.PURGE.EVENTS'],
    ['audit', '$JS.API.STREAM.MSG.DELETE.EVENTS'],
    ['consent', '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.thief'],
    ['outside-example', 'evt.records.record.added'],
  ])('of %s may not publish on %s', async (user, subject) => {
    const nc = await connectAs(user)
    try {
      await expect(nc.request(subject, '{}', { timeout: 2_000 })).rejects.toThrow(/permission/i)
    } finally {
      await nc.close()
    }
  })

  it('may forge messages on its own subjects, and the ledger takes none of them', async () => {
    const nc = await connectAs('records')
    const body = JSON.stringify({ type: 'RecordRead', data: {} })
    for (let n = 0; n < 3; n++) await nc.request('evt.records.record.read', body, { timeout: 5_000 })
    await nc.close()
    const patient = String(callers.claims('patient-1').careseal.patientId)
    const { body: written } = await callers.post('hospital', '/fhir/Observation', observationOf(patient))
    const receipt = `/fhir/Observation/${written.id}/_history/${written.meta.versionId}/$receipt`
    await eventuallyOk(() => callers.get('patient-1', receipt))
    const fsck = await careseal(['fsck', '--data-dir', ledger.dataDir])
    expect(fsck, fsck.stdout + fsck.stderr).toMatchObject({ code: 0 })
  })
})
