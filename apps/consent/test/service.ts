// The consent service as users run it, on a real Postgres and NATS. The ledger and identity are other services: a small
// HTTP server says what they would say to a producer that starts, and shows the key that signs tokens; nobody is erased.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signerOf, type Caller } from '@careseal/contracts'
import { hex, sha256 } from '@careseal/crypto'
import { firstLink } from '@careseal/ledger-core'
import { connectNats, renderAuthorization, respond, SERVICES } from '@careseal/messaging'
import { createLogger } from '@careseal/observability'
import { loadConfig, runMigrations, startApplication } from '@careseal/service-kit'
import { provisionDatabase, startNats, startPostgres } from '@careseal/stack'
import { eventually } from '@careseal/testing'
import { createUser } from '@nats-io/nkeys'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { Client } from 'pg'
import { consentApplication } from '../src/application.js'
import { config } from '../src/config.js'
import { CreateConsent1764000000000 } from '../src/migrations/1764000000000-create-consent.js'

const ORIGIN = 'careseal.test/ledger'
const PUBLIC_ORIGIN = 'http://localhost:8080'
const SCOPES = ['patient/*.cruds', 'user/*.cruds', 'system/*.cruds']

export type Service = Awaited<ReturnType<typeof startService>>

export async function startService(environment: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-consent-'))
  const users = natsUsers(folder)
  const [postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats({ config: users.config })])
  const { url, ownerUrl } = (await provisionDatabase(postgres.url)).consent
  await runMigrations({ url: ownerUrl, service: 'consent', migrations: [CreateConsent1764000000000] })
  const keyFile = join(folder, 'kms.key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const others = await startOthers(await exportJWK(publicKey))
  const othersUrl = `http://127.0.0.1:${(others.address() as AddressInfo).port}`
  const settings = loadConfig(config, {
    NODE_ENV: 'test',
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: url,
    NATS_URL: nats.url,
    NATS_NKEY_SEED_FILE: users.seedFile('consent'),
    KMS_KEY_FILE: keyFile,
    PUBLIC_ORIGIN,
    LEDGER_ORIGIN: ORIGIN,
    LEDGER_URL: othersUrl,
    AUTH_JWKS_URL: `${othersUrl}/jwks`,
    ...environment,
  })
  const logger = createLogger({ service: 'consent', level: 'silent' })
  const sequencer = await connectNats({
    name: 'ledger-sequencer',
    url: nats.url,
    seedFile: users.seedFile('ledger-sequencer'),
  })
  respond(sequencer, signerOf('consent'), 'list-tombstones', () => ({ tombstones: [], next: null }))
  const application = await startApplication(consentApplication, settings, logger)
  const database = new Client(postgres.url.replace(/postgres$/, 'careseal'))
  await database.connect()
  const nc = await connectNats({ name: 'records', url: nats.url, seedFile: users.seedFile('records') })
  const origin = `http://127.0.0.1:${application.port}`
  await eventually(async () => {
    const ready = await fetch(`${origin}/readyz`)
    if (!ready.ok) throw new Error(`not ready: ${await ready.text()}`)
  })
  const stop = async () => {
    await nc.drain()
    await database.end()
    await application.close()
    await sequencer.close()
    others.close()
    await Promise.all([postgres.stop(), nats.stop()])
    rmSync(folder, { recursive: true })
  }
  return { app: application.app, origin, postgres, database, nc, stop, request: requester(origin, privateKey) }
}

/** Sends a request as a caller; a body goes out as FHIR JSON. */
function requester(origin: string, key: CryptoKey) {
  return async (
    caller: Caller,
    line: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const [method = 'GET', path = ''] = line.split(' ')
    const answer = await fetch(origin + path, {
      method,
      headers: {
        authorization: `Bearer ${await tokenOf(caller, key)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, json: text === '' ? null : JSON.parse(text) }
  }
}

function tokenOf({ accountId, clientId, scopes: _scopes, ...careseal }: Caller, key: CryptoKey): Promise<string> {
  return new SignJWT({ client_id: clientId, scope: SCOPES.join(' '), careseal })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setIssuer(`${PUBLIC_ORIGIN}/auth`)
    .setAudience(`${PUBLIC_ORIGIN}/fhir`)
    .setSubject(accountId)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key)
}

function startOthers(publicJwk: object): Promise<Server> {
  const answers = (path: string): object | null => {
    if (path === '/jwks') return { keys: [{ ...publicJwk, alg: 'ES256', use: 'sig' }] }
    if (path.startsWith('/ledger/blocks')) return { blocks: [] }
    const producer = /^\/ledger\/producers\/(\w+)$/.exec(path)?.[1]
    return producer
      ? { producer, latest: producer, lastSeq: 0, lastLink: hex(firstLink(sha256, ORIGIN, producer)) }
      : null
  }
  const server = createServer((request, response) => {
    const answer = answers(request.url ?? '')
    response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? {}))
  })
  return new Promise((listening) => {
    server.listen(0, '127.0.0.1', () => listening(server))
  })
}

/** Every service with a key of its own and what `natsPermissions` allows it, as in a deployment. */
function natsUsers(folder: string) {
  const seedFile = (name: string) => join(folder, `${name}.nk`)
  const users = Object.keys(SERVICES).map((name) => {
    const user = createUser()
    writeFileSync(seedFile(name), user.getSeed(), { mode: 0o600 })
    return { name, publicNkey: user.getPublicKey() }
  })
  return { config: renderAuthorization(users, { manageStreams: true }), seedFile }
}
