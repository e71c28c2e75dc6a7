// The conversation with one witness: where it stands, one request at a time, and a pause after it failed. It works on the
// newest checkpoint alone: what it was too slow for, a newer one covers.
import { setTimeout as delay } from 'node:timers/promises'
import type { Cosigned, SignedCheckpoint, WitnessAnswer, WitnessClient } from './witness-client.js'

/** How a witness's part in one checkpoint ended. `ahead` and 422 are claims that have to be shown. */
export type LinkOutcome = { cosigned: Cosigned } | { ahead: number } | { status: number } | { failed: string }

export type OnAnswer = (answer: { witness: string; code: string; seconds: number }) => void

type Task = { checkpoint: SignedCheckpoint; done: (outcome: LinkOutcome) => void }

const TRIES = 4
const FIRST_PAUSE_MS = 10
const REST_MS = 100
const REST_MS_MAX = 5_000

export class WitnessLink {
  /** The size that it co-signed last, as far as this process knows. */
  private knownSize: number | null = null
  private waiting: Task | null = null
  private isBusy = false
  private restMs = 0
  private restedAt = 0

  constructor(
    readonly client: WitnessClient,
    private readonly onAnswer: OnAnswer,
  ) {}

  /** Resolves when the witness has had its say about this checkpoint, or a newer one took its place. */
  ask(checkpoint: SignedCheckpoint): Promise<LinkOutcome> {
    if (performance.now() < this.restedAt) return Promise.resolve({ failed: 'resting' })
    return new Promise((done) => {
      this.waiting?.done({ failed: 'superseded' })
      this.waiting = { checkpoint, done }
      if (!this.isBusy) void this.work()
    })
  }

  private async work(): Promise<void> {
    this.isBusy = true
    for (let task = this.take(); task; task = this.take()) {
      const outcome = await this.converse(task.checkpoint).catch(() => ({ failed: 'no-proof' }))
      this.restAfter(outcome)
      task.done(outcome)
    }
    this.isBusy = false
  }

  private take(): Task | null {
    const task = this.waiting
    this.waiting = null
    return task
  }

  private async converse(checkpoint: SignedCheckpoint): Promise<LinkOutcome> {
    const { size } = checkpoint
    // A guess costs one more request when it is wrong; right after a start it is right.
    let oldSize = Math.min(this.knownSize ?? size, size)
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 1) await delay(FIRST_PAUSE_MS * 5 ** (tries - 2))
      const answer = await this.request(checkpoint, oldSize)
      if ('cosigned' in answer) this.knownSize = size
      if (!('knownSize' in answer)) return answer
      if (answer.knownSize > size) return { ahead: answer.knownSize }
      oldSize = answer.knownSize
    }
    return { failed: 'restless' }
  }

  private async request(checkpoint: SignedCheckpoint, oldSize: number): Promise<WitnessAnswer> {
    const started = performance.now()
    const answer = await this.client.addCheckpoint(checkpoint, oldSize)
    const seconds = (performance.now() - started) / 1000
    this.onAnswer({ witness: this.client.name, code: codeOf(answer), seconds })
    return answer
  }

  private restAfter(outcome: LinkOutcome): void {
    this.restMs = 'cosigned' in outcome ? 0 : Math.min(Math.max(REST_MS, this.restMs * 2), REST_MS_MAX)
    this.restedAt = performance.now() + this.restMs
  }
}

/** As the metric tells it: the status, or what went wrong. */
function codeOf(answer: WitnessAnswer): string {
  if ('cosigned' in answer) return '200'
  if ('knownSize' in answer) return '409'
  return 'status' in answer ? String(answer.status) : answer.failed
}
