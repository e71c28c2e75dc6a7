import { RpcException } from '@nestjs/microservices'

/** Thrown by an event handler: never deliver this message again, put it aside as a dead letter. */
export class DeadLetter extends RpcException {
  constructor(readonly reason: string) {
    super(reason)
  }

  // Nest's exception layer replaces what is no RpcException by "Internal server error" and hands on getError().
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
