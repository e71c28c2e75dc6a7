// A proxy on every way from a service to Postgres, to the broker and to the ledger.
import { SERVICE_NAMES, type RouteTarget, type ServiceName } from '@careseal/stack'
import { TcpProxy } from './tcp-proxy.js'

export const PROXIED = ['postgres', 'nats', 'ledger-sequencer'] as const
export type Proxied = (typeof PROXIED)[number]

export class Proxies {
  private constructor(private readonly byWay: ReadonlyMap<string, TcpProxy>) {}

  static async listen(host = '127.0.0.1'): Promise<Proxies> {
    const byWay = new Map<string, TcpProxy>()
    for (const service of SERVICE_NAMES) {
      for (const target of PROXIED.filter((one) => one !== service)) {
        byWay.set(wayOf(service, target), await TcpProxy.listen(host))
      }
    }
    return new Proxies(byWay)
  }

  /** For `StackNetwork.routeOf`. */
  readonly routeOf = (service: ServiceName, target: RouteTarget, url: string): string => {
    const proxy = this.byWay.get(wayOf(service, target))
    if (!proxy) return url
    const routed = new URL(url)
    proxy.upstream = { host: routed.hostname, port: Number(routed.port) }
    routed.hostname = proxy.address.host
    routed.port = String(proxy.address.port)
    return routed.href
  }

  between(service: ServiceName, target: Proxied): TcpProxy {
    const proxy = this.byWay.get(wayOf(service, target))
    if (!proxy) throw new Error(`there is no proxy from ${service} to ${target}`)
    return proxy
  }

  async close(): Promise<void> {
    await Promise.all([...this.byWay.values()].map((proxy) => proxy.close()))
  }
}

const wayOf = (service: ServiceName, target: RouteTarget) => `${service} → ${target}`
