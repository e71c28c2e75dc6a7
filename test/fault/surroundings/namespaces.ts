// Each service in a network namespace of its own, on a bridge with Postgres and the broker: cutting one off drops
// packets in both directions, so that connections hang half open and nobody is told.
import { SERVICE_NAMES, type RouteTarget, type ServiceName, type StackNetwork } from '@careseal/stack'
import { isAlive, run, tryToRun } from './command.js'

/** Names begin with this and the process that made them: what a dead one left behind is removed. */
const PREFIX = 'csf'

/** Whom a service is cut off from: one other, or everybody. */
export type CutOff = RouteTarget | 'everybody'

/** Where the parts' ports are, known once they run. */
export type PartPorts = { postgres: number; nats: number }

export class Namespaces {
  private constructor(
    private readonly name: string,
    private readonly subnet: string,
  ) {}

  static async create(): Promise<Namespaces> {
    await removeLeftovers()
    const name = `${PREFIX}${process.pid}`
    const one = new Namespaces(name, `10.213.${process.pid % 250}`)
    try {
      await one.build()
    } catch (error) {
      await one.remove()
      throw error
    }
    return one
  }

  get network(): StackNetwork {
    return {
      partsHost: this.partsHost,
      serviceHost: (service) => this.addressOf(service),
      launcher: (service) => ['ip', 'netns', 'exec', this.namespaceOf(service)],
    }
  }

  get partsHost(): string {
    return `${this.subnet}.1`
  }

  /** Drops all packets between a service and another. Resolves to what lets them pass again. */
  async cut(service: ServiceName, from: CutOff, ports: PartPorts): Promise<() => Promise<void>> {
    const rules = this.rules(from, ports)
    const apply = (action: '-A' | '-D') => async () => {
      for (const [chain, ...rule] of rules)
        await this.iptables(service, [action, chain as string, ...rule, '-j', 'DROP'])
    }
    await apply('-A')()
    return apply('-D')
  }

  /** The cable is pulled: new connections fail at once, old ones hang. Resolves to what plugs it in again. */
  async unplug(service: ServiceName): Promise<() => Promise<void>> {
    const set = (state: string) => run('ip', '-n', this.namespaceOf(service), 'link', 'set', 'eth0', state)
    await set('down')
    return async () => void (await set('up'))
  }

  async remove(): Promise<void> {
    for (const service of SERVICE_NAMES) await tryToRun('ip', 'netns', 'del', this.namespaceOf(service))
    await tryToRun('ip', 'link', 'del', this.name)
    await tryToRun('iptables', '-w', '-D', ...passing(this.name))
  }

  private rules(from: CutOff, ports: PartPorts): string[][] {
    if (from === 'everybody')
      return [
        ['INPUT', '-i', 'eth0'],
        ['OUTPUT', '-o', 'eth0'],
      ]
    const peer = from === 'postgres' || from === 'nats' ? this.partsHost : this.addressOf(from)
    if (peer !== this.partsHost)
      return [
        ['INPUT', '-s', peer],
        ['OUTPUT', '-d', peer],
      ]
    const port = String(ports[from as keyof PartPorts])
    return [
      ['INPUT', '-s', peer, '-p', 'tcp', '--sport', port],
      ['OUTPUT', '-d', peer, '-p', 'tcp', '--dport', port],
    ]
  }

  private async build(): Promise<void> {
    await run('ip', 'link', 'add', this.name, 'type', 'bridge')
    await run('ip', 'addr', 'add', `${this.partsHost}/24`, 'dev', this.name)
    await run('ip', 'link', 'set', this.name, 'up')
    // Where a Docker engine runs, packets on any bridge go through this chain, and its default drops them.
    await run('iptables', '-w', '-I', ...passing(this.name))
    for (const service of SERVICE_NAMES) await this.join(service)
  }

  private async join(service: ServiceName): Promise<void> {
    const [namespace, outside] = [this.namespaceOf(service), `${this.name}v${SERVICE_NAMES.indexOf(service)}`]
    await run('ip', 'netns', 'add', namespace)
    await run('ip', 'link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    await run('ip', 'link', 'set', outside, 'master', this.name, 'up')
    await run('ip', '-n', namespace, 'addr', 'add', `${this.addressOf(service)}/24`, 'dev', 'eth0')
    await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
    await run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
  }

  private iptables(service: ServiceName, args: string[]): Promise<string> {
    return run('ip', 'netns', 'exec', this.namespaceOf(service), 'iptables', '-w', ...args)
  }

  private namespaceOf(service: ServiceName): string {
    return `${this.name}-${service}`
  }

  private addressOf(service: ServiceName): string {
    return `${this.subnet}.${10 + SERVICE_NAMES.indexOf(service)}`
  }
}

const passing = (bridge: string) => ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT']

const isLeft = (match: RegExpMatchArray) => !isAlive(Number(match[1]))

async function removeLeftovers(): Promise<void> {
  const ours = new RegExp(`\\b${PREFIX}(\\d+)(-[a-z-]+)?\\b`, 'g')
  const namespaces = (await run('ip', 'netns', 'list')).matchAll(ours)
  for (const [name] of [...namespaces].filter(isLeft)) await tryToRun('ip', 'netns', 'del', name)
  const bridges = (await run('ip', '-o', 'link', 'show', 'type', 'bridge')).matchAll(ours)
  for (const [name] of [...bridges].filter(isLeft)) await tryToRun('ip', 'link', 'del', name)
  const rules = (await run('iptables', '-w', '-S', 'FORWARD')).matchAll(new RegExp(`-i ${ours.source}`, 'g'))
  for (const [rule] of [...rules].filter(isLeft)) {
    await tryToRun('iptables', '-w', '-D', ...passing(rule.slice('-i '.length)))
  }
}
