// What the sequencer asks of the signer, wherever it runs: in the same process with a folder, or in its own in a cluster.
import type { Tombstone } from '@careseal/contracts'
import type { KnownTree, PlacedAdmin, SwapRefusal } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import type { TombstonePage } from './tombstone-store.js'

/** `text` is the unsigned checkpoint, `vkeys` whose signatures it shall bear: those that count at its size. */
export type SigningRequest = {
  oldSize: number
  proof: readonly Hash[]
  text: string
  vkeys: readonly string[]
}

/** A conflict names the size that was signed last; whoever asked is behind, or was rolled back. */
export type SigningAnswer =
  { note: string } | { conflict: number } | { refused: SwapRefusal | 'empty-tree' | 'origin-differs' | 'key-not-held' }

/** What the signer remembers now. */
export type SignerFacts = {
  /** Entry 0 as it was made: what block 0 must hold. */
  genesisEntry: Uint8Array
  /** The largest tree that was ever signed, but for what was given up. */
  signed: KnownTree
  /** The keys that it holds. */
  vkeys: readonly string[]
  /** The retreat that it made last: an entry that the ledger must tell of before it goes on. */
  retreat: PlacedAdmin | null
}

export type RetreatAnswer = { retreated: KnownTree } | { refused: 'malformed' | 'not-approved' | 'signed-another' }

export type Tombstones = {
  list(service: string, after: number, limit: number): TombstonePage | Promise<TombstonePage>
  /** Resolves once they are durable. */
  add(service: string, tombstones: readonly Tombstone[]): Promise<void>
}

/** Each call may reject with SignerSilent; then nobody knows what came of it, and to ask again is right. */
export type LogSigner = {
  read(): Promise<SignerFacts>
  sign(request: SigningRequest): Promise<SigningAnswer>
  /** The vkey of a durable key that is none of `known`: the one that was made for this before, else a new one. */
  prepareKey(known: readonly string[]): Promise<string>
  /** Goes back to what two operators approved, if it is from the very tree that was signed last. */
  retreat(entry: PlacedAdmin): Promise<RetreatAnswer>
  /** For the holder of the lease alone. */
  openTombstones(): Promise<Tombstones>
}

/** The signer did not answer, or cannot sign yet. Signing waits; nothing is wrong with the ledger. */
export class SignerSilent extends Error {
  readonly code = 'signer-silent'
  override readonly name = 'SignerSilent'
}

/**
 * The signer's answer; rejects with SignerSilent when it lacks a key that the ledger names.
 *
 * Then its folder was restored without a rotated key: nothing was lost of the ledger, and once the key is back it signs.
 */
export async function askToSign(signer: Pick<LogSigner, 'sign'>, request: SigningRequest): Promise<SigningAnswer> {
  const answer = await signer.sign(request)
  if (!('refused' in answer) || answer.refused !== 'key-not-held') return answer
  throw lackingKeys(request.vkeys)
}

/** Rejects with SignerSilent while the signer does not hold all of these keys: whatever needs them could not be signed. */
export async function requireKeys(signer: Pick<LogSigner, 'read'>, needed: readonly string[]): Promise<void> {
  const { vkeys } = await signer.read()
  if (!needed.every((vkey) => vkeys.includes(vkey))) throw lackingKeys(needed)
}

function lackingKeys(needed: readonly string[]): SignerSilent {
  const mend = 'restore the log-*.key files of its folder'
  return new SignerSilent(`the signer lacks a key that the ledger names for this size (${needed.join(', ')}): ${mend}`)
}
