// One connection per process. It outlives the broker: after the first success it reconnects for ever.
import { readFileSync } from 'node:fs'
import { connect, nkeyAuthenticator, type ConnectionOptions, type NatsConnection } from 'nats'
import { guardAnswersHeaders } from './answers-headers.js'
import { ServerUnfit, Unreachable } from './errors.js'
import { serverFault } from './server-version.js'

export type { NatsConnection } from 'nats'

export type NatsOptions = {
  /** `nats://host:port`, several separated by commas. */
  url: string
  /** The service's name: connection name and inbox prefix `_INBOX.<name>`. */
  name: string
  /** File holding the user's nkey seed; read again at each reconnect, so that a rotated seed needs no restart. */
  seedFile?: string | undefined
  /** Certificate authority that signed the server's certificate; turns TLS on. */
  caFile?: string | undefined
  /** Client certificate and key, where the cluster asks for them. */
  certFile?: string | undefined
  keyFile?: string | undefined
  /** Deadline of the first connection attempt; default 5000. */
  timeoutMs?: number | undefined
}

const names = new WeakMap<NatsConnection, string>()
const NAME = /^[a-z0-9][a-z0-9-]*$/

/**
 * Connects once and then stays: reconnects are endless, with jitter.
 *
 * Throws Unreachable when the first attempt fails, ServerUnfit for a server below 2.12 or without JetStream.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  guardAnswersHeaders()
  const nc = await connect(connectionOptions(options)).catch((cause: unknown) => {
    throw new Unreachable('the broker', { cause })
  })
  const fault = serverFault(nc.info)
  names.set(nc, options.name)
  if (fault === null) return nc
  await nc.close()
  throw new ServerUnfit(fault)
}

/** The name that `connectNats` was given. Throws for a connection that is not of `connectNats`. */
export function nameOf(nc: NatsConnection): string {
  const name = names.get(nc)
  if (name === undefined) throw new TypeError('use a connection of connectNats')
  return name
}

/** The inbox prefix of a service. A shared one would let every service read the others' replies. */
export function inboxPrefix(name: string): string {
  if (!NAME.test(name)) throw new RangeError('a service name has lower-case letters, digits and hyphens')
  return `_INBOX.${name}`
}

function connectionOptions(options: NatsOptions): ConnectionOptions {
  return {
    servers: options.url.split(',').map((url) => url.trim()),
    name: options.name,
    inboxPrefix: inboxPrefix(options.name),
    timeout: options.timeoutMs ?? 5000,
    maxReconnectAttempts: -1,
    // A broker that restarts with its users not yet loaded refuses twice; giving up then would need a person.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 200,
    reconnectJitter: 600,
    reconnectJitterTLS: 1000,
    pingInterval: 4_000,
    maxPingOut: 2,
    ...credentials(options),
    ...tls(options),
  }
}

function credentials({ seedFile }: NatsOptions): ConnectionOptions {
  if (seedFile === undefined) return {}
  return { authenticator: nkeyAuthenticator(() => seedIn(seedFile)) }
}

function seedIn(file: string): Uint8Array {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .map((text) => text.trim())
    .find((text) => text.startsWith('SU'))
  if (line === undefined) throw new Unreachable('the broker', { cause: new Error('no user seed in the seed file') })
  return new TextEncoder().encode(line)
}

function tls({ caFile, certFile, keyFile }: NatsOptions): ConnectionOptions {
  if (caFile === undefined) return {}
  const client = certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : {}
  return { tls: { caFile, ...client } }
}
