// Hands a producer's leaves to a reader of this process, batch by batch, from wherever the reader stands.
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LedgerEvent } from '@careseal/messaging'
import { HASH_BYTES } from './leaf-chain.js'
import type { Produced, ProducerSetup } from './producer.worker.js'

const AHEAD = 8
const DIGITS = 2 * HASH_BYTES

export class InProcessProducer {
  /** CPU time of the thread that makes the leaves. */
  cpuMicros = 0
  private readonly setup: ProducerSetup
  private readonly worker: Worker
  private readonly ready: string[] = []
  private arrived = Promise.withResolvers<void>()
  private seq: number

  constructor(setup: ProducerSetup) {
    this.setup = setup
    this.seq = setup.from.seq
    this.worker = new Worker(join(import.meta.dirname, 'producer.worker.ts'), { workerData: setup })
    this.worker.on('message', ({ leaves, cpuMicros }: Produced) => {
      this.ready.push(leaves)
      this.cpuMicros = cpuMicros
      this.arrived.resolve()
    })
    for (let ahead = 0; ahead < AHEAD; ahead++) this.ask()
  }

  /** The next batch, as a reader delivers it. */
  async take(): Promise<LedgerEvent[]> {
    while (this.ready.length === 0) {
      this.arrived = Promise.withResolvers<void>()
      await this.arrived.promise
    }
    this.ask()
    return this.eventsOf(this.ready.shift() as string)
  }

  private ask(): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.worker.postMessage('next')
  }

  async stop(): Promise<void> {
    const ended = once(this.worker, 'exit')
    await this.worker.terminate()
    await ended.catch(() => {})
  }

  // The sequencer looks at the members of a leaf alone, not at a body, which it never stores. Its hashes come as texts, as
  // they do in the headers of a message.
  private eventsOf(packed: string): LedgerEvent[] {
    const { producer } = this.setup
    const hash = (place: number) => packed.slice(place * DIGITS, (place + 1) * DIGITS)
    return Array.from({ length: packed.length / (3 * DIGITS) }, (_, place) => {
      const leaf = { producer, seq: ++this.seq, tag: hash(3 * place), commitment: hash(3 * place + 1) }
      return { ...leaf, link: hash(3 * place + 2) } as unknown as LedgerEvent
    })
  }
}
