// The answering side of cmd.*: validated, bounded in time and number, shared by the replicas of a service.
import {
  DEADLINE_HEADER,
  FAILURE_HEADER,
  REJECTION_HEADER,
  COMMANDS,
  commandSubject,
  type CommandName,
  type CommandReply,
} from '@careseal/contracts'
import { headers, type Msg, type NatsConnection } from 'nats'
import type { z } from 'zod'
import { headersIn } from '@careseal/event-envelope'
import { CommandRejected } from '../errors.js'
import { TRACE_HEADER, traceparentOrNone } from './wire.js'

export type CommandContext = {
  /** Fires when the requester no longer waits. */
  signal: AbortSignal
  deadlineMs: number
  traceparent?: string
  /** Who asks, for commands with a subject per consumer; permissions guard it. */
  consumer?: string
}

export type CommandHandler<C extends CommandName> = (
  request: z.output<(typeof COMMANDS)[C]['request']>,
  context: CommandContext,
) => Promise<CommandReply<C>> | CommandReply<C>

export type RespondOptions = {
  /** Requests handled at a time, default 64; more wait in line until their deadline has passed. */
  concurrency?: number
  /** Answers `cmd.<service>.<command>.<consumer>` for every consumer; the context says for whom. */
  perConsumer?: boolean
  /** Told each failure that is not a rejection; it never sees the payload. */
  onFailure?: (command: CommandName, error: unknown) => void
}

export type Responder = {
  /** Takes no more requests and resolves when those in flight are answered. */
  stop(): Promise<void>
}

const CONCURRENCY = 64
const LINE_MAX = 1024
const DEADLINE_MS = 5000
const DEADLINE_MS_MAX = 60_000

/** Answers `cmd.<service>.<command>`, sharing the work with other replicas through the queue group `service`. */
export function respond<C extends CommandName>(
  nc: NatsConnection,
  service: string,
  command: C,
  ...[handler, options = {}]: [handler: CommandHandler<C>, options?: RespondOptions]
): Responder {
  const desk = new Desk(nc, command, handler as CommandHandler<CommandName>, options)
  const subject = commandSubject(service, command)
  const subscription = nc.subscribe(options.perConsumer === true ? `${subject}.*` : subject, {
    queue: service,
    callback: (error, message) => (error === null ? desk.take(message) : desk.report(error)),
  })
  return {
    stop: async () => {
      // drain() rejects when the connection is gone, and then nobody waits for an answer.
      await subscription.drain().catch(() => undefined)
      await desk.idle()
    },
  }
}

type Waiting = { message: Msg; receivedAt: number }

class Desk {
  private readonly line: Waiting[] = []
  private readonly inFlight = new Set<Promise<void>>()
  private readonly concurrency: number

  constructor(
    private readonly nc: NatsConnection,
    private readonly command: CommandName,
    private readonly handler: CommandHandler<CommandName>,
    private readonly options: RespondOptions,
  ) {
    this.concurrency = options.concurrency ?? CONCURRENCY
  }

  take(message: Msg): void {
    if (this.line.length >= LINE_MAX) return refuse(message, FAILURE_HEADER, 'overloaded')
    this.line.push({ message, receivedAt: performance.now() })
    this.next()
  }

  async idle(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight)
  }

  report(error: unknown): void {
    this.options.onFailure?.(this.command, error)
  }

  private next(): void {
    while (this.inFlight.size < this.concurrency) {
      const waiting = this.line.shift()
      if (waiting === undefined) return
      const work: Promise<void> = this.answer(waiting).finally(() => {
        this.inFlight.delete(work)
        this.next()
      })
      this.inFlight.add(work)
    }
  }

  private async answer({ message, receivedAt }: Waiting): Promise<void> {
    const deadlineMs = deadlineOf(message) - (performance.now() - receivedAt)
    if (deadlineMs <= 0) return
    const request = COMMANDS[this.command].request.safeParse(jsonOrNothing(message))
    if (!request.success) return refuse(message, FAILURE_HEADER, 'invalid-request')
    try {
      await this.reply(message, await this.handler(request.data as never, this.contextOf(message, deadlineMs)))
    } catch (error) {
      if (error instanceof CommandRejected) return refuse(message, REJECTION_HEADER, error.rejection)
      this.report(error)
      refuse(message, FAILURE_HEADER, 'internal')
    }
  }

  private contextOf(message: Msg, deadlineMs: number): CommandContext {
    const traceparent = traceparentOrNone(headersIn(message)[TRACE_HEADER]?.[0])
    const consumer = this.options.perConsumer === true ? message.subject.split('.').at(-1) : undefined
    return {
      signal: AbortSignal.timeout(Math.ceil(deadlineMs)),
      deadlineMs,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(consumer === undefined ? {} : { consumer }),
    }
  }

  private async reply(message: Msg, answer: unknown): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(COMMANDS[this.command].reply.parse(answer)))
    if (body.length <= (this.nc.info?.max_payload ?? 0)) return void message.respond(body)
    this.report(new RangeError(`a reply of ${body.length} bytes is too large`))
    refuse(message, FAILURE_HEADER, 'reply-too-large')
  }
}

function deadlineOf(message: Msg): number {
  const asked = Number(headersIn(message)[DEADLINE_HEADER]?.[0] || DEADLINE_MS)
  return Number.isFinite(asked) && asked > 0 ? Math.min(asked, DEADLINE_MS_MAX) : DEADLINE_MS
}

function refuse(message: Msg, header: string, code: string): void {
  const values = headers()
  values.set(header, code)
  message.respond(new Uint8Array(), { headers: values })
}

function jsonOrNothing(message: Msg): unknown {
  try {
    return message.json()
  } catch {
    return undefined
  }
}
