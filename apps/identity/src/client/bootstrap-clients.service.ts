// Registers the deployer's clients as soon as the ledger has confirmed this producer; identity is not ready before.
// Each client is one transaction: if we crash between two, the next start goes on with the second.
import { EventTransactions } from '@careseal/nest-event-store'
import { HealthRegistry, HttpProblem } from '@careseal/service-kit'
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { setTimeout as delay } from 'node:timers/promises'
import type { BootstrapClient } from './bootstrap-clients.js'
import { ClientService } from './client.service.js'

/** Injection token of the clients to register. */
export const BOOTSTRAP_CLIENTS: unique symbol = Symbol('identity.bootstrap-clients')

const RETRY_MS = 250

@Injectable()
export class BootstrapClientsService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(BootstrapClientsService.name)
  private readonly stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()
  private isDone = false

  constructor(
    @Inject(BOOTSTRAP_CLIENTS) private readonly wanted: readonly BootstrapClient[],
    private readonly transactions: EventTransactions,
    private readonly clients: ClientService,
    health: HealthRegistry,
  ) {
    health.addReadiness('bootstrap-clients', () => {
      if (!this.isDone) throw new Error('clients are not registered yet')
    })
  }

  onApplicationBootstrap(): void {
    this.running = this.registerAll()
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort()
    await this.running
  }

  private async registerAll(): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted && !(await this.attempt())) await delay(RETRY_MS, undefined, { signal }).catch(() => {})
  }

  private async attempt(): Promise<boolean> {
    try {
      for (const client of this.wanted) {
        await this.transactions.runWithRetry((tx) => this.clients.registerBootstrap(tx, client))
      }
      this.isDone = true
    } catch (error) {
      // Until the ledger has confirmed this producer nothing can be written, which its own guard reports.
      const isWaiting = error instanceof HttpProblem && error.status === 503
      if (!isWaiting) this.logger.error({ err: error }, 'a bootstrap client cannot be registered')
    }
    return this.isDone
  }
}
