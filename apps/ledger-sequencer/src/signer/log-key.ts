// The log's Ed25519 key, as a signer of notes. Its file is that of every cosigner (libs/cosigner).
import { formatKeyFile, KeyFileBroken, parseKeyFile } from '@careseal/cosigner'
import { ED25519, formatVkey, type NoteSigner } from '@careseal/ledger-core'
import { SignerUnfit } from './signer-unfit.js'

export type LogKey = { vkey: string; signer: NoteSigner }

/** The text of a key made of 32 random bytes. */
export function formatLogKey(name: string, seed: Uint8Array): string {
  return formatKeyFile({ name, type: ED25519 }, seed)
}

/** Throws SignerUnfit `key-broken`; its message repeats nothing of the text. */
export function parseLogKey(text: string): LogKey {
  try {
    const { vkey, sign } = parseKeyFile(ED25519, text)
    return { vkey: formatVkey(vkey), signer: { ...vkey, sign } }
  } catch (error) {
    if (!(error instanceof KeyFileBroken)) throw error
    throw new SignerUnfit('key-broken', "the log's key cannot be read")
  }
}
