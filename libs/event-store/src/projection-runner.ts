// Keeps a read model complete and free of doubles: its position per producer moves in the very transaction that changes
// the model, and an event is applied only if it continues the producer's hash chain.
import { hex, fromHex, sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'
import type { DataSource } from 'typeorm'
import { transaction, type Tx } from './transaction.js'

/** What places an event in its producer's chain; `LedgerEvent` of @careseal/messaging has it. Hashes are hex. */
export type ChainedEvent = { producer: string; seq: number; link: string; tag: string; commitment: string }

/** Where a projection has come to, per producer. */
export type ProjectionPosition = Record<string, { seq: number; link: string }>

export type ProjectionOptions<E extends ChainedEvent> = {
  /** Names the position's rows; a changed read model gets a new name or a rebuild. */
  name: string
  dataSource: DataSource
  origin: string
  /** More may come while it runs: see `admit`. */
  producers: readonly string[]
  /** Changes the model. Events of one producer come in order; between producers there is no order. */
  apply: (tx: Tx, events: readonly E[]) => Promise<void>
  /** Empties the model, for a rebuild. */
  truncate: (tx: Tx) => Promise<void>
}

/** An event does not follow the position: read again from `position()`. */
export class ProjectionGap extends Error {
  readonly code = 'projection-gap'
  constructor(
    readonly producer: string,
    readonly seq: number,
  ) {
    super(`event ${seq} of ${producer} does not continue the projection's position`)
  }
}

export type RebuildOptions<E extends ChainedEvent> = {
  /** The last number of each producer at the beginning of the rebuild. */
  heads: Record<string, number>
  /** Events of a producer from a number on, in order; empty at the head. */
  replay: (producer: string, from: number) => Promise<readonly E[]>
  onProgress?: (progress: { applied: number; total: number }) => void
}

export class ProjectionRunner<E extends ChainedEvent> {
  private producers: readonly string[]

  constructor(private readonly options: ProjectionOptions<E>) {
    this.producers = options.producers
  }

  get name(): string {
    return this.options.name
  }

  /** Reads these producers too from now on; true when one of them is new. */
  admit(producers: readonly string[]): boolean {
    const fresh = producers.filter((producer) => !this.producers.includes(producer))
    this.producers = [...this.producers, ...fresh]
    return fresh.length > 0
  }

  /** The position that reading goes on from; at the beginning each producer's first link. */
  async position(): Promise<ProjectionPosition> {
    return transaction(this.options.dataSource, ({ sql }) => this.lockPosition(sql))
  }

  /**
   * Applies a batch exactly once: what is behind the position is dropped, the rest changes model and position in one
   * transaction. Throws ProjectionGap when it does not follow. If we crash here, the batch comes again.
   */
  async applyBatch(events: readonly E[]): Promise<{ applied: number }> {
    const work = async (tx: Tx) => {
      const position = await this.lockPosition(tx.sql)
      const fresh = events.filter((event) => event.seq > (position[event.producer]?.seq ?? Infinity))
      if (fresh.length === 0) return { applied: 0 }
      for (const event of fresh) position[event.producer] = advance(position, event)
      await this.options.apply(tx, fresh)
      await this.savePosition(tx.sql, position)
      return { applied: fresh.length }
    }
    return transaction(this.options.dataSource, work, 'projection.commit')
  }

  /** Empties model and position, then replays every producer from its first event up to `heads`. */
  async rebuild({ heads, replay, onProgress }: RebuildOptions<E>): Promise<void> {
    await this.reset()
    const total = this.producers.reduce((sum, producer) => sum + (heads[producer] ?? 0), 0)
    let before = 0
    for (const producer of this.producers) {
      const head = heads[producer] ?? 0
      for (let from = 1; from <= head;) {
        const events = await replay(producer, from)
        if (events.length === 0) throw new ProjectionGap(producer, from)
        await this.applyBatch(events)
        from = events.at(-1)!.seq + 1
        onProgress?.({ applied: Math.min(before + from - 1, total), total })
      }
      before += head
    }
  }

  /** Empties model and position in one transaction; the next batch must begin at each producer's first event. */
  async reset(): Promise<void> {
    await transaction(this.options.dataSource, async (tx) => {
      await this.lockPosition(tx.sql)
      await this.options.truncate(tx)
      await this.savePosition(tx.sql, this.beginning())
    })
  }

  private beginning(): ProjectionPosition {
    const { origin } = this.options
    return Object.fromEntries(
      this.producers.map((name) => [name, { seq: 0, link: hex(firstLink(sha256, origin, name)) }]),
    )
  }

  private async lockPosition(sql: ClientBase): Promise<ProjectionPosition> {
    const start = this.beginning()
    const locked = await lockRows(sql, this.options.name)
    if (this.producers.every((producer) => producer in locked)) return locked
    await insertMissing(sql, this.options.name, start)
    return lockRows(sql, this.options.name)
  }

  private async savePosition(sql: ClientBase, position: ProjectionPosition): Promise<void> {
    const names = Object.keys(position)
    await sql.query(
      `UPDATE projection_position p SET seq = t.seq, link = t.link
       FROM unnest($2::text[], $3::bigint[], $4::bytea[]) AS t (producer, seq, link)
       WHERE p.projection = $1 AND p.producer = t.producer`,
      [this.options.name, names, ...columns(position, names)],
    )
  }
}

function advance(position: ProjectionPosition, event: ChainedEvent): { seq: number; link: string } {
  const last = position[event.producer]!
  const leaf = { producer: event.producer, seq: event.seq, tag: event.tag, commitment: event.commitment }
  const link = hex(nextLink(sha256, fromHex(last.link, 32), leafEntryHash(sha256, leaf)))
  if (event.seq !== last.seq + 1 || link !== event.link) throw new ProjectionGap(event.producer, event.seq)
  return { seq: event.seq, link }
}

async function lockRows(sql: ClientBase, projection: string): Promise<ProjectionPosition> {
  const { rows } = await sql.query<{ producer: string; seq: string; link: Buffer }>(
    'SELECT producer, seq, link FROM projection_position WHERE projection = $1 ORDER BY producer FOR UPDATE',
    [projection],
  )
  return Object.fromEntries(rows.map((row) => [row.producer, { seq: Number(row.seq), link: hex(row.link) }]))
}

async function insertMissing(sql: ClientBase, projection: string, position: ProjectionPosition): Promise<void> {
  const names = Object.keys(position)
  await sql.query(
    `INSERT INTO projection_position (projection, producer, seq, link)
     SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING`,
    [projection, names, ...columns(position, names)],
  )
}

function columns(position: ProjectionPosition, names: string[]): [number[], Buffer[]] {
  return [names.map((name) => position[name]!.seq), names.map((name) => Buffer.from(position[name]!.link, 'hex'))]
}
