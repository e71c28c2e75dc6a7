// How a handler says what should become of its message. Nest's exception layer replaces whatever is no RpcException by
// "Internal server error" and hands on what getError() returns: these return themselves, so that the server sees them.
import { MessagingError } from '@careseal/messaging'
import { RpcException } from '@nestjs/microservices'

/** Thrown by an event handler: never deliver this message again, put it aside as a dead letter. `reason` is a code. */
export class DeadLetter extends RpcException {
  constructor(readonly reason: string) {
    super(reason)
  }

  override getError(): object {
    return this
  }
}

/** Thrown by an event handler: deliver again, after `delayMs` instead of the back-off list's delay. */
export class RetryLater extends RpcException {
  constructor(
    reason: string,
    readonly delayMs?: number,
  ) {
    super(reason)
  }

  override getError(): object {
    return this
  }
}

/** Carries any error of a handler through Nest. */
export class HandlerFailed extends RpcException {
  constructor(readonly original: unknown) {
    super('handler failed')
  }

  override getError(): object {
    return this
  }
}

/** An event handler took longer than it may; what it still does no longer counts. */
export class HandlerTimeout extends MessagingError {
  constructor(timeoutMs: number) {
    super('handler-timeout', `the handler took longer than ${timeoutMs} ms: make it faster, or raise handlerTimeoutMs`)
  }
}

/** Makes a method throw only what Nest hands on unchanged. */
export function carryingErrors<A extends unknown[], R>(method: (...args: A) => R | Promise<R>) {
  return async function carried(this: unknown, ...args: A): Promise<R> {
    try {
      return await method.apply(this, args)
    } catch (error) {
      throw error instanceof RpcException ? error : new HandlerFailed(error)
    }
  }
}

/** What the handler threw in the first place. */
export function originalOf(error: unknown): unknown {
  return error instanceof HandlerFailed ? error.original : error
}
