import { BaseRpcContext } from '@nestjs/microservices'
import type { JsMsg } from '@nats-io/jetstream'

/** What a handler of a durable consumer learns about its message besides the event. */
export class JetStreamContext extends BaseRpcContext<[JsMsg]> {
  constructor(message: JsMsg) {
    super([message])
  }

  get message(): JsMsg {
    return this.args[0]
  }

  get subject(): string {
    return this.message.subject
  }

  /** 1 at the first delivery. */
  get deliveryCount(): number {
    return this.message.info.deliveryCount
  }

  /** `(producer, seq)` of the event, for handlers that keep their own position. */
  get ledgerSeq(): number {
    return Number(this.message.headers?.get('ledger-seq'))
  }
}
