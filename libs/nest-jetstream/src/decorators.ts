import type { CommandName, CommandReply, COMMANDS, EventBody, EventType } from '@careseal/contracts'
import { subjectFilterOf, subjectOf } from '@careseal/contracts'
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import type { z } from 'zod'
import type { CommandRpcContext } from './command.context.js'
import { carryingErrors } from './failures.js'
import type { JetStreamContext } from './jetstream.context.js'
import { JETSTREAM } from './transport.js'

type EventMethod<T extends EventType> = (event: EventBody<T>, context: JetStreamContext) => Promise<void> | void

type CommandMethod<C extends CommandName> = (
  request: z.output<(typeof COMMANDS)[C]['request']>,
  context: CommandRpcContext,
) => Promise<CommandReply<C>> | CommandReply<C>

export type OnEventOptions = {
  /** Incarnations of the producer to listen to, such as `consent-2`; default all of them, also those to come. */
  producers?: readonly string[]
}

/**
 * Handles every event of one type, from the app's durable consumer. The body is validated by contracts.
 *
 * Delivered at least once, so it must be idempotent. It resolves → acknowledged; it throws → delivered again.
 */
export function OnEvent<T extends EventType>(type: T, options: OnEventOptions = {}) {
  const subjects = options.producers?.map((producer) => subjectOf(type, producer)) ?? [subjectFilterOf(type)]
  return <M extends EventMethod<T>>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<M>) => {
    prepare(target, key, descriptor)
    EventPattern<string[]>(subjects, JETSTREAM, { event: type })(target, key, descriptor)
  }
}

/**
 * Answers `cmd.<this service>.<name>`. Request and reply are validated by contracts.
 *
 * A CommandRejected that it throws reaches the requester with its code; anything else as `internal`. `forget-subjects` is
 * asked of recipients of personal data, as `cmd.recipient.<this consumer>.forget-subjects`: the answer acknowledges.
 */
export function OnCommand<C extends CommandName>(name: C) {
  return <M extends CommandMethod<C>>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<M>) => {
    prepare(target, key, descriptor)
    MessagePattern<string>(name, JETSTREAM, { command: name })(target, key, descriptor)
  }
}

// Comes before Nest's pattern decorators, which keep their metadata on the function itself. Left alone, Nest would hand
// over the payload only.
function prepare<M extends (...args: never[]) => unknown>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
): void {
  Payload()(target, key, 0)
  Ctx()(target, key, 1)
  if (descriptor.value) descriptor.value = carryingErrors(descriptor.value as never) as unknown as M
}
