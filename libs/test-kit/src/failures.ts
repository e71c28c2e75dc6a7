// What goes wrong before a test begins: each failure says what, where, and the mend, and has a code that stays.

export type TestKitCode =
  'unknown-service' | 'bad-option' | 'docker-unavailable' | 'start-failed' | 'unknown-consumer' | 'no-logins'

/**
 * What a test asked for cannot be, or the stack did not start. What a running stack's own parts refuse rejects with their
 * errors: `token()` with `unknown-login` or the server's reason, `addConsumer()` with those of the broker.
 */
export class TestKitError extends Error {
  override readonly name = 'TestKitError'

  constructor(
    readonly code: TestKitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
