// nats.conf as text. Every user is named by a public nkey and has an allow-list; nobody gets in without.
import { natsPermissions, type PermissionOptions, type UserPermissions } from './permissions.js'

export type NatsUser = { name: string; publicNkey: string }

export type NatsConfigOptions = PermissionOptions & {
  users: readonly NatsUser[]
  /** Folder of JetStream. */
  storeDir: string
  /** Default 127.0.0.1. */
  host?: string
  port?: number
  serverName?: string
  /** Monitoring over HTTP, on the same host. */
  monitorPort?: number
  tls?: { certFile: string; keyFile: string; caFile?: string }
}

const PUBLIC_NKEY = /^U[A-Z2-7]{55}$/
const MESSAGE_BYTES_MAX = 1024 * 1024

/** The text of nats.conf: users with their allow-lists, JetStream, limits. No `no_auth_user`. */
export function renderNatsConfig(options: NatsConfigOptions): string {
  const { host = '127.0.0.1', port = 4222, serverName = 'careseal', monitorPort } = options
  return [
    `server_name: ${quoted(serverName)}`,
    `listen: ${quoted(`${host}:${port}`)}`,
    ...(monitorPort === undefined ? [] : [`http: ${quoted(`${host}:${monitorPort}`)}`]),
    `max_payload: ${MESSAGE_BYTES_MAX}`,
    `jetstream { store_dir: ${quoted(options.storeDir)} }`,
    ...tlsBlock(options.tls),
    renderAuthorization(options.users, options),
  ].join('\n')
}

/** Only the `authorization` block, for a server whose address and store are set elsewhere. */
export function renderAuthorization(users: readonly NatsUser[], options: PermissionOptions = {}): string {
  const permissions = natsPermissions(options)
  const blocks = users.map((user) => userBlock(user, permissions[user.name]))
  return `authorization {\n  timeout: 5\n  users: [\n${blocks.join('\n')}\n  ]\n}\n`
}

function userBlock({ name, publicNkey }: NatsUser, permissions: UserPermissions | undefined): string {
  if (permissions === undefined) throw new RangeError(`no permissions are known for the user ${name}`)
  if (!PUBLIC_NKEY.test(publicNkey)) throw new RangeError(`the public nkey of ${name} is malformed`)
  const { publish, subscribe, allowResponses } = permissions
  return [
    `    # ${name}`,
    `    { nkey: ${publicNkey}, permissions: {`,
    `      publish: { allow: ${list(publish)} }`,
    `      subscribe: { allow: ${list(subscribe)} }`,
    ...(allowResponses ? ['      allow_responses: { max: 1, expires: "60s" }'] : []),
    '    } }',
  ].join('\n')
}

function tlsBlock(tls: NatsConfigOptions['tls']): string[] {
  if (tls === undefined) return []
  const { certFile, keyFile, caFile } = tls
  const verify = caFile === undefined ? '' : ` ca_file: ${quoted(caFile)}, verify: true,`
  return [`tls {${verify} cert_file: ${quoted(certFile)}, key_file: ${quoted(keyFile)}, min_version: "1.3" }`]
}

function list(subjects: readonly string[]): string {
  return `[\n${subjects.map((subject) => `        ${quoted(subject)}`).join('\n')}\n      ]`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
