// NestJS transport over @careseal/messaging. Its own transport of NATS is core NATS only: what nobody hears is lost.
import { recipientOf, type CommandName } from '@careseal/contracts'
import {
  CommandRejected,
  headersIn,
  respond,
  type CommandContext,
  type NatsConnection,
  type Responder,
} from '@careseal/messaging'
import { describeError, inSpan, redMetrics } from '@careseal/observability'
import type { JsMsg } from '@nats-io/jetstream'
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkOptions } from './check-options.js'
import { CommandRpcContext } from './command.context.js'
import { DurableConsumer } from './durable-consumer.js'
import { DeadLetter, originalOf, RetryLater } from './failures.js'
import { callHandler, commandHandlers, eventSubjects, handlerOf, inTime, payloadOf } from './handlers.js'
import { JetStreamContext } from './jetstream.context.js'
import { acknowledge, exhaustedReason, retryDelayMs, settleFailure, type Outcome } from './settle.js'
import { JETSTREAM } from './transport.js'

export type JetStreamServerOptions = {
  nc: NatsConnection
  /** The service's name: owner of `cmd.<name>.*` and `cmd.recipient.<name>.*`, default name of the durable consumer. */
  name: string
  /** Durable consumer; default `name`. Dead letters go to `dlq.<durable>`. */
  durable?: string
  /** False where the platform owns consumers; then it must exist. Default true. */
  manageConsumer?: boolean
  /** Time without a sign of life until the broker delivers again; default 30 000. */
  ackWaitMs?: number
  /** Deliveries until a message becomes a dead letter; default 10. */
  maxDeliveries?: number
  /** Waiting times before the second, third … delivery; the last one repeats. Default 250 ms to a minute. */
  backoffMs?: readonly number[]
  /** How long one attempt at an event may take until it has failed; default 30 000. */
  handlerTimeoutMs?: number
  /** Messages handled at a time; default 1, which keeps the order of the stream but for what is delivered again. */
  concurrency?: number
  /**
   * True: nothing is handled before everything that the stream has before it is settled. A message that failed is tried
   * again here, and the broker lets out one at a time (`max_ack_pending` 1), to whichever process. Default false: what
   * failed goes back to the broker, and the others overtake it.
   */
  ordered?: boolean
  /** Requests answered at a time, per command; default 64. */
  commandConcurrency?: number
}

const BACKOFF_MS = [250, 1000, 5000, 15_000, 60_000]
const MAX_DELIVERIES = 10
const HANDLER_TIMEOUT_MS = 30_000
// After the last handler's time the broker may take one request's time to hear what became of its message.
const CLOSE_MARGIN_MS = 6000

/** NestJS transport: `@EventPattern` as a durable consumer of EVENTS, `@MessagePattern` as request and reply. */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM
  // Failures of event handlers are logged here, where it is known what becomes of the message.
  override readonly propagatesEventHandlerErrors = true
  private readonly events = redMetrics('consumer', 'events handled by the durable consumer')
  private readonly commands = redMetrics('command', 'requests of other services answered')
  private responders: Responder[] = []
  private consumer: DurableConsumer | undefined
  private isListening = false
  private readonly closing = new AbortController()
  private closed: Promise<void> | undefined

  /** Throws RangeError for an option with which nothing could be handled. */
  constructor(readonly options: JetStreamServerOptions) {
    super()
    checkOptions(options)
  }

  /** Starts answering and consuming. A consumer that cannot be made yet is tried again in the background. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    if (this.isListening) return callback()
    this.isListening = true
    try {
      this.responders = commandHandlers(this.messageHandlers).map((entry) => this.answer(...entry))
      this.consumer = this.consume()
      // Whoever hears that we started may ask at once.
      await this.options.nc.flush()
    } catch (error) {
      return callback(error)
    }
    this.tell('connected')
    callback()
  }

  /** Takes no more events; those in flight go on. */
  stopPulling(): void {
    this.closing.abort()
    this.consumer?.stopPulling()
  }

  /**
   * Takes nothing more and resolves when what was in flight is settled and answered, or a moment after `handlerTimeoutMs`:
   * a handler that never ends is left, and its message comes again. Safe to call twice.
   */
  override close(): Promise<void> {
    return (this.closed ??= this.closeOnce())
  }

  private async closeOnce(): Promise<void> {
    this.closing.abort()
    const ended = Promise.all([this.consumer?.close(), ...this.responders.map((responder) => responder.stop())])
    await inTime(ended, this.handlerTimeoutMs + CLOSE_MARGIN_MS).catch((error: unknown) =>
      this.logger.error({ outcome: 'left-unfinished', err: describeError(error) }),
    )
    this.tell('closed')
  }

  override on(): never {
    throw new Error('JetStreamServer emits no events; watch `status`')
  }

  override unwrap<T>(): T {
    return this.options.nc as T
  }

  private consume(): DurableConsumer | undefined {
    const subjects = eventSubjects(this.messageHandlers)
    if (subjects.length === 0) return undefined
    const { nc, name, durable = name, manageConsumer = true, ackWaitMs = 30_000, ordered = false } = this.options
    const concurrency = ordered ? 1 : (this.options.concurrency ?? 1)
    const consumer = new DurableConsumer({
      nc,
      durable,
      subjects,
      manageConsumer,
      ackWaitMs,
      concurrency,
      ordered,
      handle: (message) => this.handle(message),
      onTrouble: (error) => this.logger.warn({ consumer: durable, err: describeError(error) }),
    })
    consumer.start()
    return consumer
  }

  /** Whether the message is settled; otherwise it comes again. */
  private async handle(message: JsMsg): Promise<boolean> {
    const began = performance.now()
    const work = this.options.ordered === true ? this.workInOrder(message) : this.work(message)
    const outcome = await work
      .then(
        () => acknowledge(message),
        (failure: unknown) => this.settle(message, failure),
      )
      .catch((error: unknown) => this.unsettled(message, error))
    const operation = message.subject.split('.').slice(2).join('.')
    this.events.observe({ operation, outcome }, (performance.now() - began) / 1000)
    return outcome === 'acknowledged' || outcome === 'dead-lettered'
  }

  private async work(message: JsMsg): Promise<void> {
    // More deliveries than allowed without a settled one: it ends the process, or its dead letter was never stored.
    if (message.info.deliveryCount > this.maxDeliveries) throw new Error('delivered too often')
    const handler = handlerOf(this.messageHandlers, message.subject)
    const payload = payloadOf(handler, message)
    const traceparent = headersIn(message)['traceparent']?.[0]
    const ending = new AbortController()
    const context = new JetStreamContext(message, ending.signal)
    const work = () => inTime(callHandler(handler, payload, context), this.handlerTimeoutMs)
    await this.observed(`consume ${message.subject}`, traceparent, context, work)
      .catch((error: unknown) => {
        if (context.decision === null) throw error
      })
      .finally(() => ending.abort())
    const { decision } = context
    if (decision?.kind === 'nak') throw new RetryLater('nak', decision.delayMs)
    if (decision?.kind === 'term') throw new DeadLetter(decision.reason)
  }

  // In order: the failure is waited for here, under signs of life. Closing ends that: the message goes back to the broker,
  // which lets no other one out before it.
  private async workInOrder(message: JsMsg): Promise<void> {
    const { backoffMs = BACKOFF_MS } = this.options
    for (let attempt = message.info.deliveryCount; ; attempt++) {
      try {
        return await this.work(message)
      } catch (error) {
        if (error instanceof DeadLetter) throw error
        if (attempt >= this.maxDeliveries) throw new DeadLetter(exhaustedReason(error))
        this.tellFailure(message, 'retried', error)
        await sleep(retryDelayMs(attempt, error, backoffMs), undefined, { signal: this.closing.signal }).catch(() => {
          throw new RetryLater('closing', 0)
        })
      }
    }
  }

  private async settle(message: JsMsg, failure: unknown): Promise<Outcome> {
    const { nc, name, durable = name, backoffMs = BACKOFF_MS } = this.options
    const settings = { nc, durable, backoffMs, maxDeliveries: this.maxDeliveries }
    const outcome = await settleFailure(message, failure, settings)
    this.tellFailure(message, outcome, failure)
    return outcome
  }

  private tellFailure(message: JsMsg, outcome: Outcome, failure: unknown): void {
    this.logger.warn({
      outcome,
      subject: message.subject,
      streamSequence: message.info.streamSequence,
      deliveries: message.info.deliveryCount,
      err: describeError(originalOf(failure)),
    })
  }

  // Neither confirmed nor refused: the broker delivers it again.
  private unsettled(message: JsMsg, error: unknown): string {
    this.logger.warn({ outcome: 'unsettled', subject: message.subject, err: describeError(error) })
    return 'unsettled'
  }

  private answer(command: CommandName, handler: MessageHandler): Responder {
    const { nc, name, commandConcurrency = 64 } = this.options
    const onRequest = (request: unknown, context: CommandContext) => this.reply(command, handler, { request, context })
    return respond(nc, ownerOf(command, name), command, onRequest as never, {
      concurrency: commandConcurrency,
      onFailure: (_, error) => this.logger.error({ command, err: describeError(error) }),
    })
  }

  private async reply(
    command: CommandName,
    handler: MessageHandler,
    { request, context }: { request: unknown; context: CommandContext },
  ): Promise<unknown> {
    const began = performance.now()
    const observe = (outcome: string) =>
      this.commands.observe({ operation: command, outcome }, (performance.now() - began) / 1000)
    try {
      const rpc = new CommandRpcContext(context)
      const reply = await this.observed(`command ${command}`, context.traceparent, rpc, () =>
        callHandler(handler, request, rpc),
      )
      observe('answered')
      return reply
    } catch (error) {
      const original = originalOf(error)
      observe(original instanceof CommandRejected ? 'rejected' : 'failed')
      throw original
    }
  }

  // Nest's own hooks and a span around the handler.
  private async observed<C extends JetStreamContext | CommandRpcContext, R>(
    name: string,
    traceparent: string | undefined,
    context: C,
    work: (context: C) => Promise<R>,
  ): Promise<R> {
    return inSpan(name, { traceparent }, async () => {
      const result = Promise.withResolvers<R>()
      this.onProcessingStartHook(this.transportId, context, async () => {
        const end = this.createProcessingEndHookRunner(context)
        work(context).then(result.resolve, result.reject).finally(end)
      })
      return result.promise
    })
  }

  private tell(status: string): void {
    // oxlint-disable-next-line no-underscore-dangle -- Nest's name for what feeds `status`
    this._status$.next(status)
  }

  private get maxDeliveries(): number {
    return this.options.maxDeliveries ?? MAX_DELIVERIES
  }

  private get handlerTimeoutMs(): number {
    return this.options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS
  }
}

// Whoever is told to forget is a recipient of personal data, whatever else it is.
function ownerOf(command: CommandName, name: string): string {
  return command === 'forget-subjects' ? recipientOf(name) : name
}
