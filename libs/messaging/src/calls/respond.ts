import type { COMMANDS, CommandName, CommandReply } from '@careseal/contracts'
import type { NatsConnection } from 'nats'
import type { z } from 'zod'

export type CommandContext = {
  /** Fires when the requester no longer waits. */
  signal: AbortSignal
  deadlineMs: number
  traceparent?: string
}

export type CommandHandler<C extends CommandName> = (
  request: z.output<(typeof COMMANDS)[C]['request']>,
  context: CommandContext,
) => Promise<CommandReply<C>> | CommandReply<C>

export type RespondOptions = {
  /** Default 64; more wait in line until their deadline has passed. */
  concurrency?: number
  /** Told each failure that is not a rejection; it never sees the payload. */
  onFailure?: (command: CommandName, error: unknown) => void
}

export type Responder = {
  /** Takes no more requests and resolves when those in flight are answered. */
  stop(): Promise<void>
}

/** Answers `cmd.<service>.<command>`, sharing the work with other replicas through the queue group `service`. */
export function respond<C extends CommandName>(
  _nc: NatsConnection,
  _service: string,
  _command: C,
  ..._rest: [handler: CommandHandler<C>, options?: RespondOptions]
): Responder {
  throw new Error('not written yet')
}
