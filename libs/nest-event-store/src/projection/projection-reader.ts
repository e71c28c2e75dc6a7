import { ProjectionGap, ProjectionRunner } from '@careseal/event-store'
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
  producers: readonly string[]
  model: Projection
  dataSource: DataSource
  nc: NatsConnection
  origin: string
}

/** Keeps one read model up to date from start to drain, and rebuilds it on demand. */
export class ProjectionReader implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ProjectionReader.name)
  private readonly runner: ProjectionRunner<LedgerEvent>
  private reader: EventReader | undefined
  private stopShowing = (): void => {}

  constructor(private readonly options: ProjectionReaderOptions) {
    const { name, dataSource, origin, producers, model } = options
    this.runner = new ProjectionRunner({
      name,
      dataSource,
      origin,
      producers,
      apply: (tx, events) => model.apply(tx, events),
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
    this.stopShowing = showProjection(this)
  }

  async onModuleDestroy(): Promise<void> {
    this.stopShowing()
    await this.reader?.stop()
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
      const heads = await producerHeads(this.options.nc, this.options.producers)
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
