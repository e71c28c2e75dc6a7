// Concurrent clients of a running ledger, each of which does what its seed draws and remembers all that it was told.
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '@careseal/synthetic'
import type { Client } from './client.js'
import { History } from './history.js'
import { perform } from './perform.js'
import { Requests } from './requests.js'
import type { World } from './world.js'

export type LoadOptions = {
  origin: string
  world: World
  seed: string
  clients?: number
  /** A history to go on with, when an earlier load acted on the same world. */
  history?: History
}

const CLIENTS = 8
const POLL_MS = 20

export class Load {
  readonly history: History
  /** HTTP requests that are under way. */
  inFlight = 0
  private workers: Promise<void>[] = []
  private isStopping = false
  private failure: unknown
  private readonly giveUp = new AbortController()
  /** Tells the keys of this load from those of an earlier one with the same seed. */
  private readonly firstEntry: number

  constructor(private readonly options: LoadOptions) {
    this.history = options.history ?? new History()
    this.firstEntry = this.history.entries.length
    if (!options.history) this.rememberWorld()
  }

  /** Operations that were answered with success, by all clients together. */
  get acknowledged(): number {
    return this.history.acknowledged
  }

  start(): void {
    if (this.workers.length > 0) throw new Error('this load runs already; a second one needs a Load of its own')
    const { clients = CLIENTS } = this.options
    this.workers = Array.from({ length: clients }, (_, number) => this.work(this.client(number, clients)))
  }

  /**
   * Every operation that was begun is brought to an end. With `giveUpAfterMs`, what has no definite answer by then is
   * written down as unknown: for a ledger that refuses for good. Throws what broke a client, if anything did.
   */
  async stop({ giveUpAfterMs }: { giveUpAfterMs?: number } = {}): Promise<void> {
    this.isStopping = true
    const timer = giveUpAfterMs === undefined ? undefined : setTimeout(() => this.giveUp.abort(), giveUpAfterMs)
    await Promise.all(this.workers)
    clearTimeout(timer)
    if (this.failure !== undefined) throw this.failure
  }

  /** Resolves once `count` more operations have been acknowledged; throws when the load has ended before. */
  async untilProgress(count: number): Promise<void> {
    const target = this.acknowledged + count
    while (this.acknowledged < target) {
      if (this.failure !== undefined) throw this.failure
      if (this.isStopping) throw new Error('the load was stopped before it had made this progress')
      await delay(POLL_MS)
    }
  }

  private async work(client: Client): Promise<void> {
    try {
      while (!this.isStopping) await perform(client)
    } catch (error) {
      this.failure ??= error
      this.isStopping = true
    }
  }

  private client(number: number, clients: number): Client {
    const { origin, world, seed } = this.options
    const random = seededRandom(`${seed}/client/${number}`)
    const requests = new Requests({
      origin,
      random: seededRandom(`${seed}/pauses/${number}`),
      token: (login) => world.tokens.of(login),
      forgetToken: (login, token) => world.tokens.forget(login, token),
      giveUp: this.giveUp.signal,
      onFlight: (change) => (this.inFlight += change),
    })
    let keys = 0
    const newKey = () => `${seed}-${this.firstEntry}-${number}-${(keys += 1)}`
    const own = world.patients.filter(({ index }) => index % clients === number)
    return { number, world, random, requests, history: this.history, own, newKey }
  }

  private rememberWorld(): void {
    const at = performance.now()
    for (const { location, patientIndex } of this.options.world.prepared) {
      const answers = [[location]]
      const place = { client: -1, operation: 'prepare', patientIndex, startedAt: at, endedAt: at } as const
      this.history.append({ ...place, outcome: 'ok', status: 200, attempts: 1, answers })
    }
  }
}
