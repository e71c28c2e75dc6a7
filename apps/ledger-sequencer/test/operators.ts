// For specs: those who approve administration entries.
import { sha256 } from '@careseal/crypto'
import { ED25519, formatVkey, vkeyOf, type Operator } from '@careseal/ledger-core'
import { generateKeyPairSync, sign } from 'node:crypto'

export function newOperator(name: string): Operator & { vkey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
  const vkey = formatVkey(vkeyOf(sha256, { name, type: ED25519, publicKey: raw }))
  return { name, vkey, sign: (message) => sign(null, message, privateKey) }
}
