import { ED25519, formatVkey, vkeyOf } from '@careseal/ledger-core'
import { sha256 } from '@careseal/crypto'
import { fileKms } from '@careseal/keys'
import { fromSeed } from '@nats-io/nkeys'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { natsUsers, nkeyVariable } from '../../tools/deploy-files.mjs'
import { readBootstrapClients } from '../../apps/identity/src/client/bootstrap-clients.js'
import { readSecret } from '../../apps/ledger-sequencer/src/signer-service/secret.js'
import { makeSecrets, removeSecrets, type MadeSecrets } from './made-secrets.js'

let made: MadeSecrets
beforeAll(() => void (made = makeSecrets()))
afterAll(() => removeSecrets(made))

const modeOf = (path: string) => (statSync(join(made.folder, path)).mode & 0o777).toString(8)

describe('make-secrets.mjs', () => {
  it('makes files that only their owner reads', () => {
    const files = ['.env', ...readdirSync(join(made.folder, 'secrets')).map((name) => `secrets/${name}`)]
    expect(files.length).toBeGreaterThan(25)
    expect(files.filter((file) => modeOf(file) !== '600')).toEqual([])
    const folders = ['secrets', 'state', ...readdirSync(join(made.folder, 'state')).map((name) => `state/${name}`)]
    expect(folders.filter((folder) => modeOf(folder) !== '700')).toEqual([])
  })

  it('names the user of the containers, never root', () => {
    expect(made.variables('.env')['CARESEAL_USER']).toMatch(/^[1-9]\d*:[1-9]\d*$/)
  })

  it('makes seeds of NATS users that fit the public keys', () => {
    const keys = made.variables('secrets/nats.env')
    for (const user of natsUsers()) {
      const seed = new TextEncoder().encode(made.read(`secrets/${user}.nk`).trim())
      expect(fromSeed(seed).getPublicKey()).toBe(keys[nkeyVariable(user)])
    }
  })

  it('gives each service the password of its own role, and the other of its owner', () => {
    const passwords = made.variables('secrets/provision.env')
    const { DATABASE_URL: url = '' } = made.variables('secrets/records.env')
    const { MIGRATION_DATABASE_URL: ownerUrl = '' } = made.variables('secrets/records-migration.env')
    expect(new URL(url)).toMatchObject({ username: 'records', password: passwords['PASSWORD_RECORDS'] })
    expect(new URL(ownerUrl)).toMatchObject({
      username: 'records_owner',
      password: passwords['PASSWORD_RECORDS_OWNER'],
    })
  })

  it.each(['identity', 'consent', 'records', 'audit'])('makes a root key for %s that its KMS takes', (service) => {
    expect(fileKms(join(made.folder, 'secrets', `${service}.kms`)).keyId).toMatch(/^[0-9a-f]{32}$/)
  })

  it('makes an operator whom identity registers', () => {
    const [client] = readBootstrapClients(join(made.folder, 'secrets', 'bootstrap-clients.json'))
    const { d, ...publicHalf } = JSON.parse(made.read('secrets/operator.jwk.json')) as Record<string, string>
    expect(client).toMatchObject({ clientId: 'operator', role: 'operator', jwk: publicHalf })
    expect(d).toMatch(/^[\w-]{64}$/)
  })

  it('makes the verifier keys of the private keys it gives to those who administer the ledger', () => {
    const vkeys = ['operator-1', 'operator-2'].map((name) => {
      const pem = made.read(`secrets/ledger-${name}.pem`)
      const { x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' })
      const publicKey = Uint8Array.from(Buffer.from(String(x), 'base64url'))
      return formatVkey(vkeyOf(sha256, { name, type: ED25519, publicKey }))
    })
    expect(made.variables('secrets/ledger-init.env')).toEqual({ OPERATOR_VKEYS: vkeys.join(',') })
  })

  it('makes a secret that the signer takes, and a certificate by which it is known as ledger-signer', async () => {
    expect(readSecret(join(made.folder, 'secrets', 'ledger-signer.hex'))).toMatch(/^[0-9a-f]{64}$/)
    const [key, cert] = [made.read('secrets/ledger-signer.key'), made.read('secrets/ledger-signer.crt')]
    const certificate = new X509Certificate(cert)
    expect(certificate.checkPrivateKey(createPrivateKey(key)) && certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.validToDate.getTime() - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000)
    const server = createServer({ key, cert }, (socket) => socket.end('known')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const asked = (servername: string, ca?: string) => connect({ port, servername, ...(ca ? { ca } : {}) })
    await expect(text(asked('ledger-signer', cert))).resolves.toBe('known')
    await expect(text(asked('ledger-signer'))).rejects.toThrow('self-signed')
    await expect(text(asked('nats', cert))).rejects.toThrow('altnames')
    server.close()
  })

  it('touches nothing that is there', () => {
    const before = made.read('secrets/records.kms')
    expect(() => makeSecrets(made.folder)).toThrow('nothing was changed')
    expect(made.read('secrets/records.kms')).toBe(before)
    expect(readdirSync(made.folder).toSorted()).toEqual(['.env', 'secrets', 'state'])
  })
})
