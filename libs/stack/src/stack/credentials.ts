// The keys and passwords of one stack, each made once: database roles, NATS users, root keys, and the demo clients' keys.
import { sha256 } from '@careseal/crypto'
import { ED25519, formatVkey, parseEntry, vkeyOf } from '@careseal/ledger-core'
import { createUser, fromSeed } from '@nats-io/nkeys'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { randomHex, type DataDir } from './data-dir.js'
import { loginRoles, type DatabasePasswords } from '../provision.js'
import { consumersOf } from './consumers.js'
import type { ServiceName } from './services.js'

/** NATS users besides the services. */
const OTHER_USERS = ['deployer', 'outside-example']

/** A NATS user as its server knows it. */
export type NatsUser = { name: string; publicNkey: string }

export function databasePasswords(dataDir: DataDir): DatabasePasswords {
  return Object.fromEntries(loginRoles().map((role) => [role, dataDir.secret(`postgres-${role}`, () => randomHex(24))]))
}

export function superuserPassword(dataDir: DataDir): string {
  return dataDir.secret('postgres-superuser', () => randomHex(24))
}

/** The file with a NATS user's seed. */
export function natsSeedFile(dataDir: DataDir, user: string): string {
  return dataDir.secretFile(`nats-${user}.nk`, () => new TextDecoder().decode(createUser().getSeed()))
}

/** The services, the other users, and the outside consumers. */
export function natsUsers(dataDir: DataDir, services: readonly ServiceName[]): NatsUser[] {
  const own = [...services, ...OTHER_USERS].map((name) => ({ name, publicNkey: publicNkeyOf(dataDir, name) }))
  return [...own, ...consumersOf(dataDir).map(({ name, publicNkey }) => ({ name, publicNkey }))]
}

/** The public key of a NATS user whose seed lies in the secrets; made if it is not there. */
export function publicNkeyOf(dataDir: DataDir, user: string): string {
  natsSeedFile(dataDir, user)
  const seed = dataDir.secret(`nats-${user}.nk`, () => '')
  return fromSeed(new TextEncoder().encode(seed)).getPublicKey()
}

/** The file with the root key of a service's subject keys, 32 bytes as hex. */
export function kmsKeyFile(dataDir: DataDir, service: ServiceName): string {
  return dataDir.secretFile(`kms-${service}.hex`, () => randomHex(32))
}

/** The log's name: random, never a host, for it must outlive both. */
export function ledgerOrigin(dataDir: DataDir): string {
  return dataDir.secret('ledger-origin', () => `ledger.careseal.example/${randomHex(8)}`)
}

/** The keys of the log, as its genesis names them: there once `ledger init` has run. */
export function genesisKeys(dataDir: DataDir): string[] {
  const entry = parseEntry(readFileSync(dataDir.path('signer', 'genesis.json')))
  if (!('genesis' in entry)) throw new Error('signer/genesis.json is no genesis: restore it')
  return entry.genesis.logKeys
}

const OPERATORS = ['operator-1', 'operator-2']

/** The files with the private keys of those who approve administration of the ledger, each named as its operator. */
export function operatorKeyFiles(dataDir: DataDir): string[] {
  return OPERATORS.map((name) => dataDir.secretFile(`ledger-${name}.pem`, newEd25519Key))
}

/** Verifier keys of those who approve administration of the ledger; the keys themselves lie in the secrets. */
export function operatorVkeys(dataDir: DataDir): string[] {
  return OPERATORS.map((name) => {
    const pem = dataDir.secret(`ledger-${name}.pem`, newEd25519Key)
    const { x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' })
    const publicKey = Uint8Array.from(Buffer.from(String(x), 'base64url'))
    return formatVkey(vkeyOf(sha256, { name, type: ED25519, publicKey }))
  })
}

function newEd25519Key(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/** A client's private key (ES384) as a JWK with its `kid`. */
export async function clientKey(dataDir: DataDir, client: string): Promise<JWK> {
  const file = `client-${client}.jwk.json`
  const fresh = await generateKeyPair('ES384', { extractable: true })
  const jwk = { ...(await exportJWK(fresh.privateKey)), kid: randomHex(8), alg: 'ES384', use: 'sig' }
  return JSON.parse(dataDir.secret(file, () => JSON.stringify(jwk))) as JWK
}

/** The same key without its secret half, as the authorisation server gets it. */
export function publicHalf(jwk: JWK): JWK {
  const { d: _secret, ...rest } = jwk
  return rest
}
