// A whole identity for the integration specs: real Postgres, real NATS, and a ledger that confirms a new producer.
import { signerOf } from '@careseal/contracts'
import { connectNats, respond } from '@careseal/messaging'
import { createLogger } from '@careseal/observability'
import { firstLink } from '@careseal/ledger-core'
import { hex, sha256 } from '@careseal/crypto'
import { loadConfig, runMigrations, startApplication, type Application } from '@careseal/service-kit'
import { freePort, provisionDatabase, startNats, startPostgres, type DatabaseUrls } from '@careseal/stack'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomBytes, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { application as options } from '../src/application.js'
import { identityConfig } from '../src/config.js'
import { migrations } from '../src/migrations/index.js'

export const PUBLIC_ORIGIN = 'http://localhost:8080'
const LEDGER_ORIGIN = 'ledger.careseal.example/test'

/** A client's key pair; `jwk` is the public half. */
export type TestKey = { privateKey: CryptoKey; jwk: JWK; alg: 'ES384' | 'RS384' }

export async function testKey(alg: 'ES384' | 'RS384' = 'ES384'): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: randomUUID(), alg, use: 'sig' }, alg }
}

/** Claims to replace, or with `undefined` to leave out. */
export type ClaimChanges = { [K in keyof JWTPayload]: JWTPayload[K] | undefined }

/** A client assertion as SMART Backend Services wants it; `changes` spoils it. */
export async function assertion(clientId: string, key: TestKey, changes: ClaimChanges = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: clientId, sub: clientId, aud: `${PUBLIC_ORIGIN}/auth/token`, jti: randomUUID() }
  return new SignJWT({ ...claims, iat: now, exp: now + 240, ...changes } as JWTPayload)
    .setProtectedHeader({ alg: key.alg, typ: 'JWT', kid: key.jwk.kid! })
    .sign(key.privateKey)
}

export type RunningIdentity = {
  origin: string
  operatorKey: TestKey
  databases: DatabaseUrls
  superuserUrl: string
  natsUrl: string
  lines: string[]
  app(): Application['app']
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts everything, with one client `operator` from a bootstrap file, and waits until it is ready. */
export async function runIdentity(): Promise<RunningIdentity> {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-identity-'))
  const operatorKey = await testKey()
  const [postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
  const databases = await provisionDatabase(postgres.url)
  await runMigrations({ service: 'identity', url: databases.identity.ownerUrl, migrations })
  const ledger = await confirmingLedger()
  const signer = await connectNats({ name: 'ledger-sequencer', url: nats.url })
  respond(signer, signerOf('identity'), 'list-tombstones', () => ({ tombstones: [], next: null }))
  const port = await freePort()
  const config = loadConfig(identityConfig, {
    ...environmentOf(folder, operatorKey, port),
    DATABASE_URL: databases.identity.url,
    NATS_URL: nats.url,
    LEDGER_URL: ledger.url,
  })
  const lines: string[] = []
  const logger = createLogger({ service: 'identity', destination: { write: (line) => void lines.push(line) } })
  const start = async () => {
    const started = await startApplication(options, config, logger)
    await ready(started, lines)
    return started
  }
  let running = await start()
  return {
    origin: `http://127.0.0.1:${port}`,
    operatorKey,
    databases,
    superuserUrl: postgres.url,
    natsUrl: nats.url,
    lines,
    app: () => running.app,
    restart: async () => {
      await running.close()
      running = await start()
    },
    stop: async () => {
      await running.close()
      await signer.close()
      ledger.close()
      await Promise.all([postgres.stop(), nats.stop()])
      rmSync(folder, { recursive: true })
    },
  }
}

function environmentOf(folder: string, { jwk }: TestKey, port: number): Record<string, string> {
  const kmsFile = join(folder, 'kms.hex')
  const clientsFile = join(folder, 'clients.json')
  writeFileSync(kmsFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  writeFileSync(clientsFile, JSON.stringify([{ clientId: 'operator', name: 'canary-operator', role: 'operator', jwk }]))
  return {
    NODE_ENV: 'test',
    PORT: String(port),
    METRICS_PORT: '0',
    KMS_KEY_FILE: kmsFile,
    LEDGER_ORIGIN,
    PUBLIC_ORIGIN,
    AUTH_JWKS_URL: `http://127.0.0.1:${port}/auth/jwks`,
    BOOTSTRAP_CLIENTS_FILE: clientsFile,
  }
}

async function confirmingLedger(): Promise<{ url: string; close(): void }> {
  const lastLink = hex(firstLink(sha256, LEDGER_ORIGIN, 'identity'))
  const head = { producer: 'identity', latest: 'identity', lastSeq: 0, lastLink }
  const server = createServer((request, response) => {
    const answers: Record<string, object> = { '/ledger/producers/identity': head, '/ledger/blocks': { blocks: [] } }
    const answer = answers[request.url!.split('?')[0]!]
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

async function ready({ port }: Application, lines: string[]): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    if (answer.ok) return
    if (Date.now() > deadline) throw new Error(`not ready: ${await answer.text()}\n${lines.slice(-20).join('')}`)
  }
}
