// Acknowledgements in bunches: the client writes to its socket once for all that are sent in one go, and a write for each
// costs more than all the rest of an event.
import type { JsMsg } from '@nats-io/jetstream'

const BUNCH = 256

export class Acknowledgements {
  private waiting: JsMsg[] = []
  private isPlanned = false

  constructor(private readonly isClosed: () => boolean) {}

  add(message: JsMsg): void {
    this.waiting.push(message)
    if (this.waiting.length >= BUNCH) return this.flush()
    if (this.isPlanned) return
    this.isPlanned = true
    setImmediate(() => {
      this.isPlanned = false
      this.flush()
    })
  }

  /** Sends what waits. What never gets there comes again, and is known by its place. */
  flush(): void {
    const messages = this.waiting
    this.waiting = []
    if (!this.isClosed()) for (const message of messages) message.ack()
  }
}
