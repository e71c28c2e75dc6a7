// A producer that was rolled back answers nothing (I21): it serves only after the ledger has confirmed that its own
// chain still holds what the ledger sealed, and the signer has told whose keys are destroyed (I22). No answer is none.
import { currentProducer, linkAt, WorkLoop } from '@careseal/event-store'
import { gauge } from '@careseal/observability'
import { HealthRegistry, HttpProblem } from '@careseal/service-kit'
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { LedgerClient } from '../ledger/ledger.client.js'
import { Tombstones } from './tombstones.service.js'

/** `unverified`: the ledger has not confirmed us yet; `rolled-back`: it holds events that this database has lost. */
export type ProducerState = 'unverified' | 'serving' | 'rolled-back'

const RECHECK_MS = 1_000
/** A copy may be put in place under connections that stay open: then nothing but asking again shows it. */
const RECHECK_SERVING_MS = 5_000
const RETRY_AFTER_SECONDS = '2'

@Injectable()
export class ProducerGuard implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ProducerGuard.name)
  private current: ProducerState = 'unverified'
  private verifiedAt = 0
  /** Counts invalidations: what was verified of a database that has changed meanwhile does not count. */
  private changes = 0
  private readonly loop = new WorkLoop({
    work: () => this.recheck(),
    pollMs: RECHECK_MS,
    retryMsMax: RECHECK_MS,
    onError: (error) => this.logger.warn({ err: error }, 'the ledger or its signer does not confirm this producer yet'),
  })

  constructor(
    private readonly database: ProducerDatabase,
    private readonly ledger: LedgerClient,
    private readonly tombstones: Tombstones,
    health: HealthRegistry,
  ) {
    database.watch.onChange(() => this.invalidate())
    health.addReadiness('producer', () => this.assertServing())
    gauge({ name: 'careseal_producer_serving', help: '1 when the ledger has confirmed this producer' }, (metric) =>
      metric.set(this.current === 'serving' ? 1 : 0),
    )
  }

  get state(): ProducerState {
    return this.current
  }

  onApplicationBootstrap(): void {
    this.loop.start()
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop()
  }

  /** Throws 503 `producer-rollback` or `producer-unverified` unless the ledger has confirmed this producer. */
  assertServing(): void {
    if (this.current === 'serving') return
    if (this.current === 'rolled-back')
      throw refusal('producer-rollback', 'This service has lost events; it answers nothing.')
    throw refusal('producer-unverified', 'This service has not yet been confirmed by the ledger and its signer.')
  }

  /** What was verified no longer counts: the database may be another one. */
  invalidate(): void {
    this.current = 'unverified'
    this.changes += 1
    this.loop.wake()
  }

  /** Asks the ledger now and throws unless it confirms; the relay does so before it numbers anything. */
  async confirm(): Promise<void> {
    await this.verify()
    this.assertServing()
  }

  private async recheck(): Promise<boolean> {
    const isDue = performance.now() - this.verifiedAt > RECHECK_SERVING_MS
    if (this.current !== 'serving' || isDue) await this.verify()
    return false
  }

  private async verify(): Promise<void> {
    const { changes } = this
    const { producer, service, origin, pool } = this.database
    const current = await currentProducer(pool, service)
    if (current !== producer) return this.beginAnew(current)
    const head = await this.ledger.producerHead(producer)
    if (!head) throw new Error('the ledger does not know this producer')
    const link = await linkAt(pool, { producer, origin, seq: head.lastSeq })
    // A copy from before a recovery holds all of the closed chain, and lacks what its successor has said since.
    const isWhole = head.latest === producer && link === head.lastLink
    const next: ProducerState = isWhole ? 'serving' : 'rolled-back'
    if (next === 'serving') await this.tombstones.load()
    if (changes !== this.changes) return this.loop.wake()
    if (next !== this.current) this.announce(next, head.lastSeq)
    this.current = next
    this.verifiedAt = performance.now()
  }

  // Names stand in many places of a running process; one that starts reads the present one everywhere.
  private beginAnew(current: string): void {
    this.current = 'unverified'
    this.logger.warn({ producer: current }, 'the database names another incarnation: this process ends, to begin anew')
    process.kill(process.pid, 'SIGTERM')
  }

  private announce(state: ProducerState, ledgerSeq: number): void {
    if (state === 'serving') this.logger.log({ ledgerSeq }, 'confirmed by the ledger')
    else this.logger.error({ ledgerSeq, code: 'PRODUCER_ROLLBACK' }, 'the ledger holds events that this database lacks')
  }
}

function refusal(code: string, detail: string): HttpProblem {
  return new HttpProblem(503, code, detail, { headers: { 'retry-after': RETRY_AFTER_SECONDS } })
}
