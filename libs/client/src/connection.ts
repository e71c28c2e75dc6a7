// The consumer's own connection: its name is that of its NATS user, and decides its inbox.
import { readFileSync } from 'node:fs'
import { connect, nkeyAuthenticator, type ConnectionOptions, type NatsConnection } from 'nats'

export type BrokerOptions = {
  /** `nats://host:port` or `tls://host:port`, several separated by commas. With one `tls://` none is spoken to without TLS. */
  url: string
  /** File with the seed of the consumer's NATS user; read again at each reconnect, and while it cannot be the last one goes on. */
  seedFile?: string
  /** Certificate authority of the broker, for one that the system does not know; turns TLS on. */
  caFile?: string
}

/** Connects as a consumer; afterwards reconnects are endless. Rejects when the first attempt fails. */
export async function connectBroker({ url, seedFile, caFile }: BrokerOptions, name: string): Promise<NatsConnection> {
  const servers = url.split(',').map((each) => each.trim())
  const options: ConnectionOptions = {
    servers,
    name,
    inboxPrefix: `_INBOX.${name}`,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 200,
    reconnectJitter: 600,
    pingInterval: 10_000,
  }
  if (seedFile !== undefined) options.authenticator = nkeyAuthenticator(seedReader(seedFile))
  if (caFile !== undefined) options.tls = { caFile }
  else if (servers.some((server) => server.startsWith('tls://'))) options.tls = {}
  return connect(options)
}

// After an authenticator that throws the client library never connects again; after a seed that is refused it does.
function seedReader(file: string): () => Uint8Array {
  let last = seedIn(file)
  return () => {
    try {
      last = seedIn(file)
    } catch {
      // It is being replaced.
    }
    return last
  }
}

function seedIn(file: string): Uint8Array {
  const lines = readFileSync(file, 'utf8').split('\n')
  const seed = lines.map((line) => line.trim()).find((line) => line.startsWith('SU'))
  if (seed === undefined) throw new Error(`${file} holds no seed of a NATS user (a line that begins with SU)`)
  return new TextEncoder().encode(seed)
}
