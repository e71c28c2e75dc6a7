// A wire that can be made bad: late, narrow, dead without a word, or torn in the middle of a message.
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What becomes of bytes; `black-hole` takes them, and new connections, and never answers. */
export type Wire = 'good' | 'black-hole' | { delayMs: number } | { bytesPerSecond: number }

export type Upstream = { host: string; port: number }

export class TcpProxy {
  /** Where to; nothing is accepted before it is known. */
  upstream: Upstream | null = null
  private wire: Wire = 'good'
  private cutsToCome = 0
  private healed = Promise.withResolvers<void>()
  private readonly pairs = new Set<readonly [Socket, Socket]>()
  private readonly swallowed = new Set<Socket>()

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => this.accept(socket))
  }

  static async listen(host: string): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true })
    const proxy = new TcpProxy(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, host, resolve)
    })
    return proxy
  }

  get address(): Upstream {
    const { address, port } = this.server.address() as AddressInfo
    return { host: address, port }
  }

  get connections(): number {
    return this.pairs.size
  }

  /** Connections that a black hole accepted are reset when it ends; older ones go on where they hung. */
  setWire(wire: Wire): void {
    this.wire = wire
    if (wire === 'black-hole') return
    this.healed.resolve()
    this.healed = Promise.withResolvers()
    for (const socket of this.swallowed) socket.resetAndDestroy()
    this.swallowed.clear()
  }

  /** Both ends of all connections are told at once that they are gone. */
  reset(): void {
    for (const sockets of this.pairs) for (const socket of sockets) socket.resetAndDestroy()
  }

  /** Half of the next piece in either direction is passed on, and then the connection is reset; so many times. */
  cutMessages(times: number): void {
    this.cutsToCome = times
  }

  async close(): Promise<void> {
    this.setWire('good')
    this.reset()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  private accept(client: Socket): void {
    client.on('error', () => client.destroy())
    if (this.wire === 'black-hole') return void this.swallowed.add(client.pause())
    if (!this.upstream) return void client.resetAndDestroy()
    const server = connect({ ...this.upstream, allowHalfOpen: true, noDelay: true })
    server.on('error', () => client.resetAndDestroy())
    client.setNoDelay(true)
    const pair = [client, server] as const
    this.pairs.add(pair)
    void Promise.all([this.pass(client, server), this.pass(server, client)]).finally(() => this.pairs.delete(pair))
  }

  private async pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) await this.forward(chunk, [from, to])
      to.end()
    } catch {
      // One end is gone: so is the other.
      from.destroy()
      to.destroy()
    }
  }

  private async forward(chunk: Buffer, [from, to]: readonly [Socket, Socket]): Promise<void> {
    while (this.wire === 'black-hole') await this.healed.promise
    if (this.cutsToCome > 0 && chunk.length > 1) {
      this.cutsToCome -= 1
      to.write(chunk.subarray(0, chunk.length >> 1), () => to.resetAndDestroy())
      from.resetAndDestroy()
      return
    }
    const { wire } = this
    if (typeof wire === 'object')
      await delay('delayMs' in wire ? wire.delayMs : (chunk.length / wire.bytesPerSecond) * 1000)
    if (!to.write(chunk)) await Promise.race([drained(to), closed(to)])
  }
}

const drained = (socket: Socket) => new Promise<void>((resolve) => void socket.once('drain', resolve))
const closed = (socket: Socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()))
