// Clients that store bundles until they are told that each is stored, and remember every answer they were given.
import { setTimeout as delay } from 'node:timers/promises'
import { patientBundle } from '@careseal/synthetic'

export type Acknowledged = { location: string; bundle: number }

export type LoadOptions = {
  origin: string
  token: () => Promise<string>
  seed: string
  clients: number
}

/** A history of what clients were told: every location of every bundle that was answered 2xx. */
export class Load {
  readonly acknowledged: Acknowledged[] = []
  retries = 0
  inFlight = 0
  private next = 0
  private isStopping = false
  private readonly workers: Promise<void>[]

  constructor(private readonly options: LoadOptions) {
    this.workers = Array.from({ length: options.clients }, () => this.work())
  }

  /** Bundles that were acknowledged so far. */
  get bundles(): number {
    return new Set(this.acknowledged.map((one) => one.bundle)).size
  }

  /** Resolves once `count` more bundles have been acknowledged. */
  async progress(count: number): Promise<void> {
    const target = this.bundles + count
    while (this.bundles < target) await delay(50)
  }

  /** Each client finishes its bundle: what was begun is acknowledged in the end. */
  async stop(): Promise<void> {
    this.isStopping = true
    await Promise.all(this.workers)
  }

  private async work(): Promise<void> {
    while (!this.isStopping) {
      const index = this.next++
      const bundle = patientBundle({ seed: this.options.seed, index, years: 2 })
      await this.store(index, JSON.stringify(bundle))
    }
  }

  private async store(index: number, body: string): Promise<void> {
    for (;;) {
      const locations = await this.attempt(index, body)
      if (locations) {
        this.acknowledged.push(...locations.map((location) => ({ location, bundle: index })))
        return
      }
      this.retries += 1
      await delay(100 + Math.random() * 200)
    }
  }

  private async attempt(index: number, body: string): Promise<string[] | null> {
    this.inFlight += 1
    try {
      const response = await fetch(`${this.options.origin}/fhir`, {
        method: 'POST',
        body,
        headers: {
          authorization: `Bearer ${await this.options.token()}`,
          'content-type': 'application/fhir+json',
          'idempotency-key': `${this.options.seed}-${index}`,
        },
        signal: AbortSignal.timeout(60_000),
      })
      const answer = (await response.json()) as { entry?: { response: { location: string } }[] }
      if (response.status >= 400 && response.status < 500 && ![401, 408, 429].includes(response.status)) {
        throw new RefusedForGood(`${response.status} ${JSON.stringify(answer).slice(0, 500)}`)
      }
      return response.ok ? (answer.entry ?? []).map((entry) => entry.response.location) : null
    } catch (error) {
      if (error instanceof RefusedForGood) throw error
      return null
    } finally {
      this.inFlight -= 1
    }
  }
}

class RefusedForGood extends Error {}
