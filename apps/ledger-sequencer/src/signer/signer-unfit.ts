export type SignerUnfitCode =
  | 'signer-state-missing'
  | 'signer-state-broken'
  | 'key-missing'
  | 'key-broken'
  | 'genesis-missing'
  | 'genesis-broken'
  | 'tombstones-missing'
  | 'tombstones-broken'

/** What the signer needs is not there or not whole. Nothing may be signed, and nothing is made up in its place. */
export class SignerUnfit extends Error {
  constructor(
    readonly code: SignerUnfitCode,
    message: string,
  ) {
    super(message)
    this.name = 'SignerUnfit'
  }
}
