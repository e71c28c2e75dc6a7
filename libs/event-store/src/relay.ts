// Numbers what is committed and publishes it in order of the numbers. Publishing is a courtesy: if we crash between
// COMMIT and publish, nobody publishes it later; readers see the gap and ask `replay-outbox`.
import { durableStep } from '@careseal/durable-step'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { ensureRelayHead, numberOutbox, type NumberedEvent } from './numbering.js'
import { WorkLoop } from './work-loop.js'

export type RelayOptions = {
  /** A pool of the relay's own, connected to the database directly: the lock belongs to one session. */
  pool: Pool
  producer: string
  origin: string
  /** Publishes in the order given; may fail, and is then not called again for these events. */
  publish: (events: NumberedEvent[]) => Promise<void>
  /** Asked on each new connection before anything is numbered; throws while the producer must not serve. */
  beforeNumbering?: () => Promise<void>
  /** Asked before each batch; false makes the relay wait. */
  mayNumber?: () => boolean
  onError?: (error: unknown) => void
  onPublished?: (events: readonly NumberedEvent[]) => void
  batchSize?: number
  pollMs?: number
  /** How long a batch that was not full is followed by none: what is committed meanwhile shares the next one. */
  restMs?: number
}

const POLL_MS = 100
const REST_MS = 40
const BATCH_SIZE = 500

/** One publishing relay per producer at a time, whatever the number of replicas: an advisory lock decides. */
export class Relay {
  private readonly loop: WorkLoop
  private client: PoolClient | undefined
  /** The batch that is being published while the next is numbered. Never rejects. */
  private publishing: Promise<void> = Promise.resolve()

  constructor(private readonly options: RelayOptions) {
    this.loop = new WorkLoop({
      work: (signal) => this.round(signal),
      pollMs: options.pollMs ?? POLL_MS,
      onError: (error) => this.failed(error),
    })
  }

  start(): void {
    this.loop.start()
  }

  /** Call it after a commit; without it, events wait for the next poll. */
  wake(): void {
    this.loop.wake()
  }

  /** Finishes the batches in work and gives the lock back. */
  async stop(): Promise<void> {
    await this.loop.stop()
    await this.publishing
    this.drop()
  }

  private async round(signal: AbortSignal): Promise<boolean> {
    const client = this.client ?? (await this.becomeRelay())
    if (!client || this.options.mayNumber?.() === false) return false
    const limit = this.options.batchSize ?? BATCH_SIZE
    const events = await numberOnce(client, this.options.producer, limit)
    // In order, and no more than two batches in memory.
    await this.publishing
    if (events.length === 0) return false
    this.publishing = this.publish(events)
    if (events.length < limit) await this.rest(signal)
    return true
  }

  // A command alone is published at once; many at a time cost one round together, not one each.
  private async rest(signal: AbortSignal): Promise<void> {
    await this.publishing
    await delay(this.options.restMs ?? REST_MS, undefined, { signal }).catch(() => undefined)
  }

  private async publish(events: NumberedEvent[]): Promise<void> {
    try {
      await durableStep('relay.publish', () => this.options.publish(events))
      this.options.onPublished?.(events)
    } catch (error) {
      this.options.onError?.(error)
    }
  }

  // A new connection asks again whether it may number: the database behind it may have been restored meanwhile.
  private async becomeRelay(): Promise<PoolClient | null> {
    const client = await this.options.pool.connect()
    client.on('error', this.lost)
    try {
      if (!(await tryLock(client, this.options.producer))) return this.standBy(client)
      await this.options.beforeNumbering?.()
      await ensureRelayHead(client, this.options.producer, this.options.origin)
    } catch (error) {
      client.release(true)
      throw error
    }
    this.client = client
    return client
  }

  private standBy(client: PoolClient): null {
    client.off('error', this.lost)
    client.release()
    return null
  }

  // The query in work rejects as well; this keeps a connection that broke while idle from ending the process.
  private readonly lost = (): void => this.drop()

  private failed(error: unknown): void {
    this.drop()
    this.options.onError?.(error)
  }

  // Ends the connection, and with it the lock.
  private drop(): void {
    const { client } = this
    this.client = undefined
    client?.release(true)
  }
}

async function tryLock(client: PoolClient, producer: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked',
    [`careseal/relay/${producer}`],
  )
  return rows[0]!.locked
}

// Asked in the order of the key, which knows what was deleted: the table itself would be read from its beginning.
const OUTBOX_WAITS = 'SELECT 1 FROM outbox ORDER BY event_pk LIMIT 1'

async function numberOnce(client: PoolClient, producer: string, limit: number): Promise<NumberedEvent[]> {
  const waiting = await client.query({ name: 'careseal-outbox-waits', text: OUTBOX_WAITS })
  if (waiting.rowCount === 0) return []
  await client.query('BEGIN')
  try {
    const events = await numberOutbox(client, producer, limit)
    await durableStep('relay.commit', () => client.query('COMMIT'))
    return events
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}
