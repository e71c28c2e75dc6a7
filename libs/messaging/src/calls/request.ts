import type { CommandName, CommandReply, CommandRequest } from '@careseal/contracts'
import type { NatsConnection } from 'nats'

export type RequestOptions = {
  /** How long the caller waits; told to the responder, so that it stops as well. */
  deadlineMs: number
  signal?: AbortSignal
  /** W3C trace context; default the active one of OpenTelemetry. */
  traceparent?: string
}

/**
 * Asks a service, through a circuit breaker per service and command. Request and reply are validated.
 *
 * Rejects with Unreachable, DeadlineExceeded, BreakerOpen, RemoteFailure or CommandRejected; with a ZodError when the
 * payload breaks the contract, which is a bug of the caller.
 */
export async function request<C extends CommandName>(
  _nc: NatsConnection,
  _service: string,
  _command: C,
  ..._rest: [payload: CommandRequest<C>, options: RequestOptions]
): Promise<CommandReply<C>> {
  throw new Error('not written yet')
}
