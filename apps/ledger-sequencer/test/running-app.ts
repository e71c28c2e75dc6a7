// For specs: the whole app on a real Postgres and a real NATS, with producers that answer as real ones do.
import { connectNats, publishEvents, respond, type LedgerEvent, type NatsConnection } from '@careseal/messaging'
import { loadConfig, startApplication, type Application } from '@careseal/service-kit'
import { startNats, type RunningNats } from '@careseal/stack'
import { AppModule } from '../src/app.module.js'
import { config } from '../src/config.js'
import type { ChainWriter } from './chain-writer.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import type { LedgerDatabase } from './ledger-database.js'
import { ORIGIN } from './raw-block.js'

export class RunningApp {
  private constructor(
    readonly ledger: LedgerUnderTest,
    readonly broker: RunningNats,
    readonly nats: NatsConnection,
    readonly application: Application,
  ) {}

  static async start(
    database: LedgerDatabase,
    ledger?: LedgerUnderTest,
    environment: Record<string, string> = {},
  ): Promise<RunningApp> {
    const begun = ledger ?? (await LedgerUnderTest.begin(database))
    const broker = await startNats()
    const loaded = loadConfig(config, {
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      PORT: '0',
      METRICS_PORT: '0',
      DATABASE_URL: database.url,
      NATS_URL: broker.url,
      LEDGER_ORIGIN: ORIGIN,
      SIGNER_STATE_DIR: begun.dir,
      CHECKPOINT_INTERVAL_MS: '20',
      BLOCK_ENTRIES_MAX: '100',
      ...environment,
    })
    const application = await startApplication(
      { name: 'ledger-sequencer', appModule: (given) => AppModule.forRoot(given), prefix: 'ledger' },
      loaded,
    )
    return new RunningApp(begun, broker, await connectNats({ url: broker.url, name: 'spec' }), application)
  }

  /** Resolves once so many more events of a producer are published under a checkpoint. */
  async grow(chain: ChainWriter, count: number): Promise<void> {
    await this.publish(chain.write(count))
    await this.ledger.sealed(chain.events.length)
    await eventually(async () => (await this.ledger.published()).size === (await this.ledger.head()).treeSize)
  }

  /** Answers for a producer's outbox from now on. */
  answerFor(chain: ChainWriter): void {
    const { nats } = this
    respond(nats, chain.producer, 'outbox-head', () => ({
      producer: chain.producer,
      lastSeq: chain.events.length,
      lastLink: chain.events.at(-1)?.link ?? chain.firstLink,
    }))
    respond(nats, chain.producer, 'replay-outbox', ({ from, limit }) => {
      const events = chain.events.slice(from - 1, from - 1 + Math.min(limit, 200))
      const next = from + events.length
      return { events: events.map(replayed), next: next <= chain.events.length ? next : null }
    })
  }

  publish(events: LedgerEvent[]): Promise<void> {
    return publishEvents(this.nats, events)
  }

  post(path: string, body: object): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.application.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.application.port}${path}`, { headers })
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.application.metricsPort}/metrics`)).text()
  }

  /** Ends everything but the ledger itself. */
  async stop(): Promise<void> {
    await this.application.close()
    await this.nats.close()
    await this.broker.stop()
  }
}

function replayed({ seq, tag, commitment, link, subject, body }: LedgerEvent) {
  return { seq, tag, commitment, link, subject, body: Buffer.from(body).toString('base64') }
}
