// What a handler can say about an event, and what ends a consumer or a producer's part of it.

/** Thrown by a handler: put this event aside as a dead letter, now. `reason` is a code, and goes into a header. */
export class DeadLetter extends Error {
  override readonly name = 'DeadLetter'

  constructor(readonly reason: string) {
    super(reason)
  }
}

/** Event types were asked for that the operator has not granted. */
export class NotGranted extends Error {
  override readonly name = 'NotGranted'
  readonly code = 'not-granted'

  constructor(
    consumer: string,
    readonly types: readonly string[],
  ) {
    super(`${consumer} was not granted ${types.join(', ')}: ask the operator (careseal consumer add)`)
  }
}

/** An option with which no consumer can do its work; nothing was read. */
export class InvalidOption extends Error {
  override readonly name = 'InvalidOption'
  readonly code = 'invalid-option'

  constructor(
    readonly option: string,
    given: unknown,
    wanted: string,
  ) {
    super(`${option} is ${String(given)}, but has to be ${wanted}`)
  }
}

/** The producer itself, or the ledger, contradicts what was read before: none of its events is delivered any more. */
export class ProducerContradicts extends Error {
  override readonly name = 'ProducerContradicts'
  readonly code = 'producer-contradicts'

  constructor(
    readonly producer: string,
    reason: string,
  ) {
    super(`${producer}: ${reason}`)
  }
}

/** An event came before `seq` in which not even its number can be read: if it stood far before, it is not missed. */
export class NumberUnreadable extends Error {
  override readonly name = 'NumberUnreadable'
  readonly code = 'number-unreadable'

  constructor(
    readonly producer: string,
    readonly seq: number,
  ) {
    super(
      `${producer}: an event without a readable number came before ${seq}; read again from a position to be certain`,
    )
  }
}

/** A service refused, failed, or did not answer. `reason` is its code. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed'
  readonly code = 'service-failed'

  constructor(
    subject: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${subject}: ${reason}`, options)
  }
}

/** The consumer was stopped before it had come as far as somebody waits for. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly code = 'stopped'

  constructor(readonly producers: readonly string[]) {
    super(`the consumer was stopped before it had read all of ${producers.join(', ')}`)
  }
}

/** A handler took longer than it may; what it still does no longer counts. */
export class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout'
  readonly code = 'handler-timeout'

  constructor(timeoutMs: number) {
    super(`the handler took longer than ${timeoutMs} ms`)
  }
}

/** The file that should hold a position is empty, cut off, or holds something else. */
export class PositionUnreadable extends Error {
  override readonly name = 'PositionUnreadable'
  readonly code = 'position-unreadable'

  constructor(readonly path: string) {
    super(`${path} is no position: put back a copy of it, or remove it and the consumer begins where \`from\` says`)
  }
}
