// From a message to the handlers that Nest bound, and from what they return to a plain promise.
import {
  COMMANDS,
  incarnationOf,
  eventBodyOf,
  producerOf,
  UnknownEventVersion,
  type CommandName,
  type EventType,
} from '@careseal/contracts'
import { agreedBody, headersIn, producerIn, subjectMatches } from '@careseal/messaging'
import type { JsMsg } from '@nats-io/jetstream'
import type { MessageHandler } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { DeadLetter, HandlerTimeout } from './failures.js'

export type Handlers = ReadonlyMap<string, MessageHandler>

/** The subjects of all event handlers. */
export function eventSubjects(handlers: Handlers): string[] {
  return [...handlers].filter(([, handler]) => handler.isEventHandler === true).map(([subject]) => subject)
}

/** All command handlers. Throws for a pattern that is no command of contracts: nobody could ask for it. */
export function commandHandlers(handlers: Handlers): [CommandName, MessageHandler][] {
  const commands = [...handlers].filter(([, handler]) => handler.isEventHandler !== true)
  return commands.map(([pattern, handler]) => {
    if (!(pattern in COMMANDS))
      throw new RangeError(`@MessagePattern('${pattern}') is no command of @careseal/contracts`)
    return [pattern as CommandName, handler]
  })
}

/** The handler of a subject: the one of that very subject, or else one whose wildcards cover it. */
export function handlerOf(handlers: Handlers, subject: string): MessageHandler {
  const handler = handlers.get(subject) ?? [...handlers].find(([pattern]) => subjectMatches(pattern, subject))?.[1]
  if (handler === undefined) throw new DeadLetter('no-handler')
  return handler
}

/** What the handler gets. For `@OnEvent` a body that contracts know and whose headers say the same. */
export function payloadOf(handler: MessageHandler, message: JsMsg): unknown {
  const type = handler.extras?.['event'] as EventType | undefined
  if (type === undefined) return orDeadLetter('not-json', () => message.json())
  if (!isOfItsOwner(type, message.subject)) throw new DeadLetter('foreign-producer')
  const json = agreedBody(headersIn(message), message.subject, message.data)
  if (json === null) throw new DeadLetter('headers-differ')
  return eventIn(json)
}

// Only the service whose type it is, in whichever incarnation, is believed.
function isOfItsOwner(type: EventType, subject: string): boolean {
  return incarnationOf(producerIn(subject) ?? '').service === producerOf(type)
}

function eventIn(json: object): unknown {
  try {
    return eventBodyOf(json)
  } catch (error) {
    throw new DeadLetter(error instanceof UnknownEventVersion ? error.code : 'invalid-event')
  }
}

/** Calls a handler, with those attached to it, and waits for all of it. */
export async function callHandler(handler: MessageHandler, data: unknown, context: unknown): Promise<unknown> {
  const result: unknown = await handler(data, context)
  return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result
}

/** Rejects with HandlerTimeout when the work takes longer. What it still comes to, a failure too, counts no more. */
export async function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new HandlerTimeout(timeoutMs)), timeoutMs)
  work.catch(() => undefined)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}

function orDeadLetter<T>(reason: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw new DeadLetter(reason)
  }
}
