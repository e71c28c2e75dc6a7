// Notes of a made-up log and its three witnesses, signed by plain code.
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

const ORIGIN = 'ledger.example/made'
const [ED25519, COSIGNATURE_V1] = [1, 4]

export type Signer = { name: string; vkey: string; keyId: Buffer; key: KeyObject }

export const LOG = signerOf(ORIGIN, ED25519)
export const WITNESSES: readonly Signer[] = ['one', 'two', 'three'].map((name) => signerOf(name, COSIGNATURE_V1))
export const QUORUM = 2

/** A checkpoint with the log's signature and the cosignatures of `by`, all of one time. */
export function signedNote(
  { size, root }: { size: number; root: string },
  time: number,
  by: readonly Signer[] = WITNESSES,
): string {
  const text = `${ORIGIN}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\n`
  const lines = by.map((witness) => {
    const stamp = Buffer.alloc(8)
    stamp.writeBigUInt64BE(BigInt(time))
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), witness.key)
    return lineOf(witness, Buffer.concat([stamp, signature]))
  })
  return `${text}\n${lineOf(LOG, sign(null, Buffer.from(text), LOG.key))}${lines.join('')}`
}

function lineOf({ name, keyId }: Signer, signature: Buffer): string {
  return `\u2014 ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

function signerOf(name: string, type: number): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const typed = Buffer.concat([Buffer.of(type), publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)])
  const keyId = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4)
  return { name, keyId, key: privateKey, vkey: `${name}+${keyId.toString('hex')}+${typed.toString('base64')}` }
}
