// The records service as users run it, on a real Postgres and a real NATS. Consent is a responder that the test steers,
// the ledger a key server and a head that never moves: they belong to other services' tests.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signerOf, type Caller, type CommandRequest, type EventType } from '@careseal/contracts'
import { hex, sha256 } from '@careseal/crypto'
import { firstLink } from '@careseal/ledger-core'
import { connectNats, respond } from '@careseal/messaging'
import { createLogger } from '@careseal/observability'
import { loadConfig, runMigrations, startApplication } from '@careseal/service-kit'
import { provisionDatabase, startNats, startPostgres } from '@careseal/stack'
import { callerOf, eventually, idOf } from '@careseal/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Client } from 'pg'
import { recordsApplication } from '../src/application.js'
import { recordsConfig } from '../src/config.js'
import { CreateRecords1764000000000 } from '../src/migrations/1764000000000-create-records.js'

const PUBLIC_ORIGIN = 'http://localhost:8080'
export const BASE = `${PUBLIC_ORIGIN}/fhir/`
export const LEDGER_ORIGIN = 'careseal.test/ledger'

const SURROUNDINGS = {
  NODE_ENV: 'test',
  PORT: '0',
  METRICS_PORT: '0',
  LOG_LEVEL: 'silent',
  DRAIN_DELAY_MS: '0',
  LEDGER_ORIGIN,
  PUBLIC_ORIGIN,
}

type Question = CommandRequest<'decide-access'>

/** What the consent responder does; a test changes it. */
export type Consent = {
  permits: (patientId: string, question: Question) => boolean
  reachable: string[]
  validForMs: number
  permitId: () => string
  asked: Question[]
}

let permits = 0
const newPermitId = (): string => idOf(500_000 + permits++)

/** Everybody permits, nobody is reachable. */
export function resetConsent({ consent }: World): void {
  Object.assign(consent, { permits: () => true, reachable: [], validForMs: 5000, permitId: newPermitId })
  consent.asked.length = 0
}

export type World = Awaited<ReturnType<typeof startWorld>>

export async function startWorld() {
  const [postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
  const { url, ownerUrl } = (await provisionDatabase(postgres.url)).records
  await runMigrations({ url: ownerUrl, service: 'records', migrations: [CreateRecords1764000000000] })
  const folder = mkdtempSync(join(tmpdir(), 'careseal-records-'))
  const keyFile = join(folder, 'kms.key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const tokens = await tokenIssuer()
  const others = await otherServices(tokens.jwk)
  const consent = await consentResponder(nats.url)
  const config = loadConfig(recordsConfig, {
    ...SURROUNDINGS,
    DATABASE_URL: url,
    KMS_KEY_FILE: keyFile,
    NATS_URL: nats.url,
    LEDGER_URL: others.url,
    AUTH_JWKS_URL: `${others.url}/auth/jwks`,
    CONSENT_URL: others.url,
    AUDIT_URL: others.url,
  })
  const logger = createLogger({ service: 'records', level: 'silent' })
  const application = await startApplication(recordsApplication, config, logger)
  const sql = new Client({ connectionString: url.replace(/\/\/[^@]*@/, '//records_owner:records_owner@') })
  await sql.connect()
  const origin = `http://127.0.0.1:${application.port}`
  await eventually(async () => {
    if (!(await fetch(`${origin}/readyz`)).ok) throw new Error('not ready yet')
  })
  const stop = async () => {
    await application.close()
    await sql.end()
    await consent.stop()
    others.server.close()
    await Promise.all([postgres.stop(), nats.stop()])
    rmSync(folder, { recursive: true })
  }
  return {
    application,
    origin,
    sql,
    consent: consent.consent,
    others,
    config,
    stop,
    ...clientOf(origin, tokens),
    ...looks(sql),
  }
}

async function tokenIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const tokenFor = (caller: Caller): Promise<string> => {
    const { accountId, clientId, role, scopes, ...links } = caller
    return new SignJWT({ client_id: clientId, scope: scopes.join(' '), careseal: { role, ...links } })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'test' })
      .setIssuer(`${PUBLIC_ORIGIN}/auth`)
      .setAudience(`${PUBLIC_ORIGIN}/fhir`)
      .setSubject(accountId)
      .setIssuedAt()
      .setExpirationTime('4m')
      .setJti(hex(randomBytes(8)))
      .sign(privateKey)
  }
  return { jwk, tokenFor }
}

type Seen = { method: string; url: string; headers: Record<string, unknown>; body: string }

async function otherServices(jwk: object) {
  const seen: Seen[] = []
  /** With `failsWith`, the services behind the one base answer every request with this status. */
  const steered: { failsWith?: number } = {}
  const lastLink = hex(firstLink(sha256, LEDGER_ORIGIN, 'records'))
  const head = { producer: 'records', latest: 'records', lastSeq: 0, lastLink }
  const server: Server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/fhir+json', etag: 'W/"x"' }).end(JSON.stringify(body))
    if (url === '/auth/jwks') return void answer(200, { keys: [jwk] })
    if (url === '/ledger/producers/records') return void answer(200, head)
    if (!url.startsWith('/fhir/')) return void answer(404, {})
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      seen.push({ method, url, headers, body })
      answer(steered.failsWith ?? (method === 'POST' ? 201 : 200), { resourceType: 'Consent', id: idOf(77) })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, seen, steered, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function consentResponder(natsUrl: string) {
  const nc = await connectNats({ url: natsUrl, name: 'consent' })
  const consent: Consent = {
    permits: () => true,
    reachable: [],
    validForMs: 5000,
    permitId: newPermitId,
    asked: [],
  }
  const decide = respond(nc, 'consent', 'decide-access', (question) => {
    consent.asked.push(question)
    const decisions = question.patientIds.map((patientId) =>
      consent.permits(patientId, question)
        ? { permitted: true as const, patientId, permitId: consent.permitId(), validForMs: consent.validForMs }
        : { permitted: false as const, patientId, reason: 'no-consent' },
    )
    return { decisions }
  })
  const bury = respond(nc, signerOf('records'), 'list-tombstones', () => ({ tombstones: [], next: null }))
  const reach = respond(nc, 'consent', 'reachable-patients', () => ({ patientIds: consent.reachable, complete: true }))
  const stop = async () => {
    await Promise.all([decide.stop(), reach.stop(), bury.stop()])
    await nc.close()
  }
  return { consent, stop }
}

/** JSON as JSON.parse types it: the assertion on a missing member fails. */
export type Loose = ReturnType<typeof JSON.parse>

export type Answer = { status: number; headers: Headers; body: Loose; text: string }

function clientOf(origin: string, { tokenFor }: Awaited<ReturnType<typeof tokenIssuer>>) {
  const system = callerOf('system')
  const call = async (
    method: string,
    path: string,
    { body, headers = {}, as = system }: { body?: unknown; headers?: Record<string, string>; as?: Caller | null } = {},
  ): Promise<Answer> => {
    const authorization = as ? { authorization: `Bearer ${await tokenFor(as)}` } : {}
    const content = body === undefined ? {} : { 'content-type': 'application/fhir+json' }
    const response = await fetch(new URL(path, origin), {
      method,
      headers: { ...content, ...authorization, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text ? JSON.parse(text) : undefined,
    }
  }
  return { call, tokenFor, system }
}

function looks(sql: Client) {
  return {
    async events(type?: EventType): Promise<Loose[]> {
      const { rows } = await sql.query<{ body: Buffer }>(
        'SELECT body FROM records.event WHERE $1::text IS NULL OR event_type = $1 ORDER BY pk',
        [type ?? null],
      )
      return rows.map((row) => JSON.parse(row.body.toString('utf8')) as Loose)
    },
    async counts(): Promise<Record<string, number>> {
      const tables = ['event', 'resource', 'version', 'patient_resource', 'token', 'idempotency', 'permit_use']
      const selected = tables.map((table) => `(SELECT count(*)::int FROM records.${table}) AS ${table}`)
      const { rows } = await sql.query<Record<string, number>>(`SELECT ${selected.join(', ')}`)
      return rows[0] ?? {}
    },
  }
}
