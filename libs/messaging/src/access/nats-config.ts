import type { PermissionOptions } from './permissions.js'

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

/** The text of nats.conf: users with their allow-lists, JetStream, limits. No `no_auth_user`. */
export function renderNatsConfig(_options: NatsConfigOptions): string {
  throw new Error('not written yet')
}

/** Only the `authorization` block, for a server whose address and store are set elsewhere. */
export function renderAuthorization(_users: readonly NatsUser[], _options: PermissionOptions = {}): string {
  throw new Error('not written yet')
}
