import { incarnationOf } from '@careseal/contracts'
import { ProjectionGap, ProjectionRunner, WorkLoop } from '@careseal/event-store'
import { readEvents, type EventReader, type LedgerEvent, type NatsConnection } from '@careseal/messaging'
import { inSpan } from '@careseal/observability'
import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import type { DataSource } from 'typeorm'
import { showProjection } from './projection-metrics.js'
import { producerHeads, replayFrom } from './replay.js'
import type { Projection } from './projection.module.js'

// A batch is a transaction with a handful of statements, whatever its size.
const LINGER_MS = 10

export type ProjectionReaderOptions = {
  name: string
  /** Services, of which every incarnation is read. */
  producers: readonly string[]
  /** The names of all producers that the ledger has admitted. */
  admitted: () => Promise<readonly string[]>
  model: Projection
  dataSource: DataSource
  nc: NatsConnection
  origin: string
}

const ADMITTED_POLL_MS = 15_000

/** Keeps one read model up to date from start to drain, and rebuilds it on demand. */
export class ProjectionReader implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ProjectionReader.name)
  private readonly runner: ProjectionRunner<LedgerEvent>
  private reader: EventReader | undefined
  private stopShowing = (): void => {}
  private admissions: WorkLoop | undefined

  constructor(private readonly options: ProjectionReaderOptions) {
    const { name, dataSource, origin, producers, model } = options
    this.runner = new ProjectionRunner({
      name,
      dataSource,
      origin,
      producers,
      // Of an event that its producer has lost there is a place in the chain and nothing to apply.
      apply: (tx, events) =>
        model.apply(
          tx,
          events.filter(({ body }) => body.length > 0),
        ),
      truncate: (tx) => model.truncate(tx),
    })
  }

  get name(): string {
    return this.options.name
  }

  async onApplicationBootstrap(): Promise<void> {
    const { nc, origin } = this.options
    this.reader = readEvents({
      nc,
      origin,
      producers: await this.runner.position(),
      deliver: (batch) => this.deliver(batch),
      lingerMs: LINGER_MS,
      onFrozen: (producer, reason) => this.onFrozen(producer, reason),
      onTrouble: ({ kind, producer, error }) => this.logger.warn({ kind, producer, err: error }, 'reading goes on'),
    })
    this.reader.start()
    this.admissions = new WorkLoop({
      work: () => this.followAdmissions(),
      pollMs: ADMITTED_POLL_MS,
      onError: (error) => this.logger.warn({ err: error }, 'whether the ledger has admitted producers is unknown'),
    })
    this.admissions.start()
    this.stopShowing = showProjection(this)
  }

  async onModuleDestroy(): Promise<void> {
    this.stopShowing()
    await this.admissions?.stop()
    await this.reader?.stop()
  }

  // A recovered producer goes on under a new name: what it says is read without a restart of ours.
  private async followAdmissions(): Promise<boolean> {
    if (this.runner.admit(await this.ofServices())) this.reader?.reset(await this.runner.position())
    return false
  }

  private async ofServices(): Promise<string[]> {
    const { admitted, producers } = this.options
    const names = await admitted()
    return names.filter((name) => producers.includes(incarnationOf(name).service))
  }

  /** What the reader knows: positions, heads, whether it has caught up. */
  status() {
    return this.reader?.status()
  }

  /**
   * Empties the model and replays every producer from its first event; a reader that was reading goes on from there.
   *
   * Other processes may go on reading the same projection: they notice that the position has moved.
   */
  async rebuild(onProgress?: (progress: { applied: number; total: number }) => void): Promise<void> {
    const wasReading = this.reader !== undefined
    await this.onModuleDestroy()
    try {
      const producers = await this.ofServices()
      this.runner.admit(producers)
      const heads = await producerHeads(this.options.nc, producers)
      const replay = replayFrom(this.options.nc)
      await this.runner.rebuild({ heads, replay, ...(onProgress && { onProgress }) })
    } finally {
      if (wasReading) await this.onApplicationBootstrap()
    }
  }

  // Another replica, or a rebuild, has moved the position: read on from where it stands now.
  private async deliver(batch: LedgerEvent[]): Promise<void> {
    try {
      // One batch may come from many traces; the first one's is linked, so that a slow projection can be followed back.
      await inSpan(`project ${this.name}`, { traceparent: batch[0]?.traceparent, link: true }, () =>
        this.runner.applyBatch(batch),
      )
    } catch (error) {
      if (error instanceof ProjectionGap) this.reader?.reset(await this.runner.position())
      throw error
    }
  }

  private onFrozen(producer: string, reason: string): void {
    this.logger.error({ producer, reason }, 'a producer’s chain does not continue; it is read no further')
  }
}
