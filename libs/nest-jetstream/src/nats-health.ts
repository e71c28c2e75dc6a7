import type { NatsConnection } from '@careseal/messaging'

export type NatsHealth = { up: boolean; detail: string }

/** A health contributor: is the connection up, and for how long has it been down? It asks the broker nothing. */
export function natsHealth(nc: NatsConnection): () => NatsHealth {
  let downSince: number | null = null
  const watch = async () => {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') downSince ??= performance.now()
      if (type === 'reconnect') downSince = null
    }
  }
  void watch()
  return () => {
    if (nc.isClosed()) return { up: false, detail: 'closed' }
    if (downSince === null) return { up: true, detail: 'connected' }
    return { up: false, detail: `reconnecting for ${Math.round((performance.now() - downSince) / 1000)} s` }
  }
}
