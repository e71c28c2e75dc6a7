// Makes what compose.yaml expects beside it and no repository holds: passwords, keys, NATS users, the operator's client.
// Needs Node 20 or newer and nothing else, so that it runs in a fresh clone. All or nothing: it never touches what is
// there, for passwords and root keys that have been used cannot be made again.
// Usage: node deploy/compose/make-secrets.mjs [--into DIR] [--public-origin URL]
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { selfSigned } from './self-signed.mjs'

const DEPLOY = join(import.meta.dirname, '..')
const NONROOT = 65532
const USER_SEED = [18 << 3, 20 << 3]
const USER_KEY = [20 << 3]
const ED25519 = 1

/** The files of `.env` and `secrets/` as path → text. */
function makeFiles(owner, publicOrigin) {
  const users = natsUsers().map((user) => ({ ...user, ...nkey() }))
  const roles = loginRoles().map((role) => ({ ...role, password: hex(24) }))
  const superuser = hex(24)
  return {
    '.env': environment({
      CARESEAL_USER: `${owner}:${owner}`,
      LEDGER_ORIGIN: `ledger.careseal.example/${hex(8)}`,
      PUBLIC_ORIGIN: publicOrigin,
    }),
    'secrets/nats.env': environment(Object.fromEntries(users.map(({ variable, key }) => [variable, key]))),
    ...Object.fromEntries(users.map(({ name, seed }) => [`secrets/${name}.nk`, `${seed}\n`])),
    'secrets/postgres-password': superuser,
    'secrets/provision.env': environment({
      PGPASSWORD: superuser,
      ...Object.fromEntries(roles.map(({ variable, password }) => [variable, password])),
    }),
    ...Object.assign({}, ...roles.map(databaseFiles)),
    ...operatorClient(),
    ...administrators(),
    ...signer(),
  }
}

// The lists of users and roles are those of the generated files: there is no second one to forget.
function natsUsers() {
  const config = readFileSync(join(DEPLOY, 'nats', 'nats.conf'), 'utf8')
  return [...config.matchAll(/# (\S+)\n\s+\{ nkey: \$(\w+)/g)].map(([, name, variable]) => ({ name, variable }))
}

function loginRoles() {
  const sql = readFileSync(join(DEPLOY, 'postgres', 'provision.sql'), 'utf8')
  return [...sql.matchAll(/^\\getenv (\w+)_password (\w+)$/gm)].map(([, role, variable]) => ({ role, variable }))
}

function databaseFiles({ role, password }) {
  const url = `postgres://${role}:${password}@postgres:5432/careseal`
  const isOwner = role.endsWith('_owner')
  const schema = role.replace(/_owner$/, '')
  const service = schema === 'ledger' ? 'ledger-sequencer' : schema
  if (isOwner) return { [`secrets/${service}-migration.env`]: environment({ MIGRATION_DATABASE_URL: url }) }
  const settings = { [`secrets/${service}.env`]: environment({ DATABASE_URL: url }) }
  return schema === 'ledger' ? settings : { ...settings, [`secrets/${service}.kms`]: `${hex(32)}\n` }
}

/** A NATS user: its public key and its seed, as nkeys encode them. */
function nkey() {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const seedPrefix = [USER_SEED[0] | (USER_SEED[1] >> 5), (USER_SEED[1] & 31) << 3]
  return { key: encoded(USER_KEY, Buffer.from(x, 'base64url')), seed: encoded(seedPrefix, Buffer.from(d, 'base64url')) }
}

function encoded(prefix, bytes) {
  const body = Buffer.concat([Buffer.from(prefix), bytes])
  const checksum = Buffer.alloc(2)
  checksum.writeUInt16LE(crc16(body))
  return base32(Buffer.concat([body, checksum]))
}

function crc16(bytes) {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc
}

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(group.padEnd(5, '0'), 2)])
    .join('')
}

// The one client that exists before anybody logs in; it registers all others.
function operatorClient() {
  const { d, ...point } = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'jwk' })
  const jwk = { ...point, kid: hex(8), alg: 'ES384', use: 'sig' }
  return {
    'secrets/operator.jwk.json': json({ ...jwk, d }),
    'secrets/bootstrap-clients.json': json([{ clientId: 'operator', name: 'Operator', role: 'operator', jwk }]),
  }
}

// Their verifier keys stand in the genesis and cannot be changed later; keep the private halves away from the host.
function administrators() {
  const keys = ['operator-1', 'operator-2'].map((name) => ({ name, ...generateKeyPairSync('ed25519') }))
  const vkeys = keys.map(({ name, publicKey }) => {
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')
    const typed = Buffer.concat([Buffer.from([ED25519]), raw])
    const id = createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8)
    return `${name}+${id}+${typed.toString('base64')}`
  })
  const pems = keys.map(({ name, privateKey }) => [
    `secrets/ledger-${name}.pem`,
    privateKey.export({ format: 'pem', type: 'pkcs8' }),
  ])
  return { ...Object.fromEntries(pems), 'secrets/ledger-init.env': environment({ OPERATOR_VKEYS: vkeys.join(',') }) }
}

// What the signer and its sequencers share: a secret, and the certificate by which they know it from others.
function signer() {
  const { key, certificate } = selfSigned('ledger-signer')
  return {
    'secrets/ledger-signer.hex': `${hex(32)}\n`,
    'secrets/ledger-signer.key': key,
    'secrets/ledger-signer.crt': certificate,
  }
}

function environment(variables) {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

const hex = (bytes) => randomBytes(bytes).toString('hex')
const json = (value) => `${JSON.stringify(value, null, 2)}\n`

function write(into, files, owner) {
  const work = join(into, `making-${process.pid}`)
  const folders = ['', 'secrets', 'state', 'state/nats', 'state/postgres', 'state/signer']
  try {
    for (const folder of folders)
      own(join(work, folder), owner, (path) => mkdirSync(path, { recursive: true, mode: 0o700 }))
    for (const [path, text] of Object.entries(files)) {
      own(join(work, path), owner, (file) => writeFileSync(file, text, { mode: 0o600 }))
    }
    for (const name of ['state', 'secrets', '.env']) renameSync(join(work, name), join(into, name))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

// Made by root they go to the user of the images; made by anybody else the containers run as whoever made them.
function own(path, owner, make) {
  make(path)
  if (process.getuid?.() === 0) chownSync(path, owner, owner)
}

const { values } = parseArgs({ options: { into: { type: 'string' }, 'public-origin': { type: 'string' } } })
const into = values.into ?? import.meta.dirname
const present = ['.env', 'secrets', 'state'].filter((name) => existsSync(join(into, name)))
if (present.length > 0) {
  process.stderr.write(`${into} holds ${present.join(', ')} already; nothing was changed.\n`)
  process.exit(1)
}
const owner = process.getuid?.() || NONROOT
write(into, makeFiles(owner, values['public-origin'] ?? 'http://localhost:8080'), owner)
process.stdout.write(`made .env, secrets and state in ${into}; keep secrets/ledger-operator-*.pem elsewhere\n`)
