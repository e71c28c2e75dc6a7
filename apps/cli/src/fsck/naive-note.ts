// Signatures and cosignatures of a note, once more and apart from libs/ledger-core (C2SP signed-note, tlog-cosignature).
import { createHash, createPublicKey, verify } from 'node:crypto'

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const [ED25519, COSIGNATURE_V1] = [1, 4]
const KEY_BYTES = 32
const TIME_BYTES = 8

/** `<name>+<key id>+<base64 of type and key>`, taken apart; null for a key that is of another kind. */
type Key = { name: string; keyId: string; publicKey: Buffer }

/** Whether a line of the note is this key's signature of its text. */
export function isSigned(note: string, vkey: string): boolean {
  const key = keyOf(vkey, ED25519)
  return key !== null && signaturesOf(note, key).some((signature) => isGood(key, textOf(note), signature))
}

/**
 * Whether a line of the note is this witness's cosignature of its text, at whatever time. A witness that a policy names
 * by its plain Ed25519 key co-signs under the key ID that this key has for cosignatures (tlog-cosignature).
 */
export function isCosigned(note: string, vkey: string): boolean {
  const key = keyOf(vkey, COSIGNATURE_V1) ?? asCosigner(keyOf(vkey, ED25519))
  if (key === null) return false
  return signaturesOf(note, key).some((stamped) => {
    if (stamped.length < TIME_BYTES) return false
    const message = `cosignature/v1\ntime ${stamped.readBigUInt64BE(0)}\n${textOf(note)}`
    return isGood(key, message, stamped.subarray(TIME_BYTES))
  })
}

function asCosigner(key: Key | null): Key | null {
  if (key === null) return null
  const { name, publicKey } = key
  const id = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([COSIGNATURE_V1]))
    .update(publicKey)
    .digest()
  return { name, publicKey, keyId: id.subarray(0, 4).toString('hex') }
}

function keyOf(vkey: string, type: number): Key | null {
  const [name, keyId] = vkey.split('+', 2) as [string, string]
  const typed = Buffer.from(vkey.slice(name.length + keyId.length + 2), 'base64')
  if (typed[0] !== type || typed.length !== KEY_BYTES + 1) return null
  return { name, keyId, publicKey: typed.subarray(1) }
}

function signaturesOf(note: string, { name, keyId }: Key): Buffer[] {
  return note
    .slice(note.lastIndexOf('\n\n') + 2)
    .split('\n')
    .flatMap((line) => {
      const [dash, signer, blob] = line.split(' ')
      if (dash !== '\u2014' || signer !== name || blob === undefined) return []
      const bytes = Buffer.from(blob, 'base64')
      return bytes.subarray(0, 4).toString('hex') === keyId ? [bytes.subarray(4)] : []
    })
}

function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 1)
}

function isGood({ publicKey }: Key, message: string, signature: Buffer): boolean {
  const der = Buffer.concat([ED25519_SPKI, publicKey])
  return verify(null, Buffer.from(message), createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}
