import type { NatsConnection } from 'nats'

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
  /** Deadline of the first connection attempt. */
  timeoutMs?: number | undefined
}

/**
 * Connects once and then stays: reconnects are endless, with jitter.
 *
 * Throws Unreachable when the first attempt fails, ServerUnfit for a server below 2.12 or without JetStream.
 */
export async function connectNats(_options: NatsOptions): Promise<NatsConnection> {
  throw new Error('not written yet')
}
