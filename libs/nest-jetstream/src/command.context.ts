import { BaseRpcContext } from '@nestjs/microservices'
import type { CommandContext } from '@careseal/messaging'

/** What a command handler learns besides the request: how long the requester waits. */
export class CommandRpcContext extends BaseRpcContext<[CommandContext]> {
  constructor(context: CommandContext) {
    super([context])
  }

  /** Fires when the requester no longer waits. */
  get signal(): AbortSignal {
    return this.args[0].signal
  }

  get deadlineMs(): number {
    return this.args[0].deadlineMs
  }

  get traceparent(): string | undefined {
    return this.args[0].traceparent
  }
}
