import { ProjectionGap, ProjectionRunner } from '@careseal/event-store'
import { readEvents, type EventReader, type LedgerEvent, type NatsConnection } from '@careseal/messaging'
import { gauge } from '@careseal/observability'
import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import type { DataSource } from 'typeorm'
import { producerHeads, replayFrom } from './replay.js'
import type { Projection } from './projection.module.js'

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
  private frozen: string[] = []

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

  async onApplicationBootstrap(): Promise<void> {
    const { nc, origin } = this.options
    this.reader = readEvents({
      nc,
      origin,
      producers: await this.runner.position(),
      deliver: (batch) => this.deliver(batch),
      onFrozen: (producer, reason) => this.onFrozen(producer, reason),
      onTrouble: ({ kind, producer, error }) => this.logger.warn({ kind, producer, err: error }, 'reading goes on'),
    })
    this.reader.start()
    this.showLag()
  }

  async onModuleDestroy(): Promise<void> {
    await this.reader?.stop()
  }

  /** What the reader knows: positions, heads, whether it has caught up. */
  status() {
    return this.reader?.status()
  }

  /** Empties the model and replays every producer from its first event; reading goes on from there. */
  async rebuild(onProgress?: (progress: { applied: number; total: number }) => void): Promise<void> {
    await this.reader?.stop()
    try {
      const heads = await producerHeads(this.options.nc, this.options.producers)
      const replay = replayFrom(this.options.nc)
      await this.runner.rebuild({ heads, replay, ...(onProgress && { onProgress }) })
    } finally {
      await this.onApplicationBootstrap()
    }
  }

  // Another replica, or a rebuild, has moved the position: read on from where it stands now.
  private async deliver(batch: LedgerEvent[]): Promise<void> {
    try {
      await this.runner.applyBatch(batch)
    } catch (error) {
      if (error instanceof ProjectionGap) this.reader?.reset(await this.runner.position())
      throw error
    }
  }

  private onFrozen(producer: string, reason: string): void {
    this.frozen = [...this.frozen, producer]
    this.logger.error({ producer, reason }, 'a producer’s chain does not continue; it is read no further')
  }

  private showLag(): void {
    const labels = ['projection', 'producer']
    gauge({ name: 'careseal_projection_lag_events', help: 'events that a projection is behind', labels }, (metric) => {
      for (const [producer, { seq, headSeq }] of Object.entries(this.status()?.producers ?? {})) {
        metric.set({ projection: this.options.name, producer }, Math.max(0, (headSeq ?? seq) - seq))
      }
    })
  }
}
