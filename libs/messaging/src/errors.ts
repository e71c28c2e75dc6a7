// Every outside failure of messaging as a class with a stable code. Codes and messages carry no payload and no id.

/** An outside failure: something beyond this process did not do what was asked. `code` is stable. */
export class MessagingError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Nobody answers: no responder, no connection, or the server refused the connection. */
export class Unreachable extends MessagingError {
  constructor(target: string, options?: ErrorOptions) {
    super('unreachable', `${target} is unreachable`, options)
  }
}

/** No answer in time. What was asked may still have happened. */
export class DeadlineExceeded extends MessagingError {
  constructor(target: string, deadlineMs: number, options?: ErrorOptions) {
    super('deadline-exceeded', `${target} did not answer within ${deadlineMs} ms`, options)
  }
}

/** The circuit breaker is open, nothing was sent. Callers fail closed: they deny, or answer 503. */
export class BreakerOpen extends MessagingError {
  constructor(target: string) {
    super('breaker-open', `calls to ${target} are suspended`)
  }
}

/** The other side answered that it failed, or gave an answer that breaks its contract. */
export class RemoteFailure extends MessagingError {
  /** The other side's own code, such as `internal`, `bad-reply` or an HTTP status as text. */
  readonly remoteCode: string
  /** The HTTP status, for HTTP calls. */
  readonly status: number | undefined
  /** Seconds to wait, if the other side named them. */
  readonly retryAfterSeconds: number | undefined

  constructor(target: string, remoteCode: string, details: { status?: number; retryAfterSeconds?: number } = {}) {
    super('remote-failure', `${target} failed: ${remoteCode}`)
    this.remoteCode = remoteCode
    this.status = details.status
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/**
 * A request was understood and refused by a rule. A responder throws it, the requester gets it with the same code.
 *
 * No failure of the other side, so it never opens a breaker. `rejection` is a kebab-case code without any data.
 */
export class CommandRejected extends MessagingError {
  readonly rejection: string

  constructor(rejection: string) {
    super('command-rejected', `rejected: ${rejection}`)
    this.rejection = rejection
  }
}

/** The server is too old or has no JetStream: atomic batches would be stored message by message, silently. */
export class ServerUnfit extends MessagingError {
  constructor(reason: string) {
    super('server-unfit', reason)
  }
}

/** A stream is missing, or differs from what Careseal needs. `differences` names each setting. */
export class StreamUnfit extends MessagingError {
  readonly differences: readonly string[]

  constructor(stream: string, differences: readonly string[]) {
    super('stream-unfit', `stream ${stream}: ${differences.join('; ')}`)
    this.differences = differences
  }
}

/** The broker refused or lost a publication. Nothing is known to be stored. */
export class PublishFailed extends MessagingError {
  /** JetStream's own error code, or 0. */
  readonly brokerCode: number

  constructor(reason: string, brokerCode = 0, options?: ErrorOptions) {
    super('publish-failed', `publishing failed: ${reason}`, options)
    this.brokerCode = brokerCode
  }
}

/** Thrown by a reader's `deliver` when the state is unknown: the reader stops and `finished` rejects with it. */
export class FatalDelivery extends MessagingError {
  constructor(reason: string, options?: ErrorOptions) {
    super('fatal-delivery', reason, options)
  }
}
