import {
  DEADLINE_HEADER,
  FAILURE_HEADER,
  REJECTION_HEADER,
  COMMANDS,
  commandSubject,
  type CommandName,
  type CommandReply,
  type CommandRequest,
} from '@careseal/contracts'
import { headers, type Msg, type MsgHdrs, type NatsConnection } from 'nats'
import { CommandRejected, DeadlineExceeded, MessagingError, RemoteFailure, Unreachable } from '../errors.js'
import { guard, type Guarded } from './guard.js'
import { activeTraceparent, TRACE_HEADER } from './wire.js'

export type RequestOptions = {
  /** How long the caller waits, at most a minute; told to the responder, so that it stops as well. */
  deadlineMs: number
  signal?: AbortSignal
  /** W3C trace context; default the active one of OpenTelemetry. */
  traceparent?: string
}

type Ask = (body: Uint8Array, options: RequestOptions) => Promise<unknown>
type Breaker = Guarded<Parameters<Ask>, unknown>

const DEADLINE_MS_MAX = 60_000
const breakers = new WeakMap<NatsConnection, Map<string, Breaker>>()

/**
 * Asks a service, through a circuit breaker per service and command. Request and reply are validated.
 *
 * Rejects with Unreachable, DeadlineExceeded, BreakerOpen, RemoteFailure or CommandRejected; with a ZodError when the
 * payload breaks the contract, which is a bug of the caller.
 */
export async function request<C extends CommandName>(
  nc: NatsConnection,
  service: string,
  command: C,
  ...[payload, options]: [payload: CommandRequest<C>, options: RequestOptions]
): Promise<CommandReply<C>> {
  const body = encodeRequest(command, payload)
  const { deadlineMs, signal } = options
  const reply = await breakerOf(nc, service, command).callWith({ deadlineMs, signal }, body, options)
  return reply as CommandReply<C>
}

/** As `request`, without a breaker: for those who ask at a pace of their own and must notice a recovery at once. */
export async function ask<C extends CommandName>(
  nc: NatsConnection,
  service: string,
  command: C,
  ...[payload, options]: [payload: CommandRequest<C>, options: RequestOptions]
): Promise<CommandReply<C>> {
  const reply = await exchange(nc, { service, command }, [encodeRequest(command, payload), options])
  return reply as CommandReply<C>
}

function breakerOf(nc: NatsConnection, service: string, command: CommandName): Breaker {
  const ofConnection = breakers.get(nc) ?? new Map<string, Breaker>()
  breakers.set(nc, ofConnection)
  const subject = commandSubject(service, command)
  const known = ofConnection.get(subject)
  if (known !== undefined) return known
  const breaker = guard<Parameters<Ask>, unknown>(
    subject,
    (_signal, ...args) => exchange(nc, { service, command }, args),
    { timeoutMs: DEADLINE_MS_MAX },
  )
  ofConnection.set(subject, breaker)
  return breaker
}

async function exchange(
  nc: NatsConnection,
  target: { service: string; command: CommandName },
  [body, options]: Parameters<Ask>,
): Promise<unknown> {
  const subject = commandSubject(target.service, target.command)
  const timeout = Math.min(options.deadlineMs, DEADLINE_MS_MAX)
  try {
    const reply = await nc.request(subject, body, { timeout, headers: requestHeaders(timeout, options) })
    return decodeReply(target.command, subject, reply)
  } catch (error) {
    throw outsideFailure(error, subject, timeout)
  }
}

function encodeRequest<C extends CommandName>(command: C, payload: CommandRequest<C>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(COMMANDS[command].request.parse(payload)))
}

function requestHeaders(timeoutMs: number, options: RequestOptions): MsgHdrs {
  const values = headers()
  values.set(DEADLINE_HEADER, String(timeoutMs))
  const traceparent = options.traceparent ?? activeTraceparent()
  if (traceparent !== undefined) values.set(TRACE_HEADER, traceparent)
  return values
}

function decodeReply(command: CommandName, subject: string, reply: Msg): unknown {
  const rejection = reply.headers?.get(REJECTION_HEADER)
  if (rejection) throw new CommandRejected(rejection)
  const failure = reply.headers?.get(FAILURE_HEADER)
  if (failure) throw new RemoteFailure(subject, failure)
  const parsed = COMMANDS[command].reply.safeParse(jsonOrNothing(reply))
  if (!parsed.success) throw new RemoteFailure(subject, 'bad-reply')
  return parsed.data
}

function jsonOrNothing(reply: Msg): unknown {
  try {
    return reply.json()
  } catch {
    return undefined
  }
}

// The client's own errors name the subject in a stack only; what matters to a caller is whether it was sent.
function outsideFailure(error: unknown, subject: string, timeoutMs: number): unknown {
  if (error instanceof MessagingError) return error
  const name = error instanceof Error ? error.name : ''
  if (name === 'TimeoutError') return new DeadlineExceeded(subject, timeoutMs, { cause: error })
  return new Unreachable(subject, { cause: error })
}
