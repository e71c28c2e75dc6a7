// The two ways in which writing goes wrong, nothing between: fatal, or a failed batch that is tried again.

export type FatalCode = 'fenced' | 'commit-unknown' | 'connection-lost' | 'append-refused' | 'broken-chain'

/** The state is unknown or somebody else's: the process ends, and recovers by the code path of a normal start. */
export class Fatal extends Error {
  constructor(
    readonly code: FatalCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'Fatal'
  }
}

/** The transaction was rolled back for a passing reason, and is known to be: the same block is tried again. */
export class BatchFailed extends Error {
  constructor(
    readonly sqlState: string,
    options?: ErrorOptions,
  ) {
    super(`the block was not committed (${sqlState})`, options)
    this.name = 'BatchFailed'
  }
}
