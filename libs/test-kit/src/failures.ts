// What goes wrong before a test begins: each failure says what, where, and the mend, and has a code that stays.

export type TestKitCode = 'unknown-service' | 'bad-option' | 'docker-unavailable' | 'start-failed' | 'unknown-consumer'

/** Thrown by everything in this package. */
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
