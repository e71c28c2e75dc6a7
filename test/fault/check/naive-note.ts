// Signed notes, cosignatures and the policy of a quorum said once more, as plainly as they can be (C2SP signed-note,
// tlog-cosignature, tlog-policy), apart from the product's code and from fsck's.
import { createPublicKey, verify } from 'node:crypto'

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const KEY_ID_BYTES = 4
const TIME_BYTES = 8
const COSIGNATURE_BYTES = KEY_ID_BYTES + TIME_BYTES + 64

type Line = { name: string; blob: Buffer }

/** `k` of these witnesses have to co-sign; vkeys by name. */
export type NaivePolicy = { logVkeys: string[]; quorum: number; witnesses: Map<string, string> }

/** Reads a policy whose quorum is one group of witnesses; throws for any other. */
export function naivePolicy(text: string): NaivePolicy {
  const lines = text.split('\n').map((line) => line.split(' '))
  const of = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...fields]) => fields)
  const witnesses = new Map(of('witness').map(([name = '', vkey = '']) => [name, vkey]))
  const [[group, quorum, ...members] = [], ...others] = of('group')
  const isPlain = others.length === 0 && of('quorum')[0]?.[0] === group && members.every((one) => witnesses.has(one))
  if (!isPlain || members.length !== witnesses.size) throw new Error(`not a policy of one group:\n${text}`)
  return { logVkeys: of('log').map(([vkey = '']) => vkey), quorum: Number(quorum), witnesses }
}

export function checkpointIn(note: string): { size: number; root: string } {
  const [, size, root = ''] = note.split('\n')
  return { size: Number(size), root: Buffer.from(root, 'base64').toString('hex') }
}

/** When each witness says that it co-signed, in seconds since 1970, by the name of its key. Nothing is verified. */
export function cosignatureTimes(note: string): Map<string, number> {
  const cosigned = linesOf(note).filter(({ blob }) => blob.length === COSIGNATURE_BYTES)
  return new Map(cosigned.map(({ name, blob }) => [name, Number(blob.readBigUInt64BE(KEY_ID_BYTES))]))
}

/** Whether the note bears a cosignature of this key that verifies. */
export function isCosigned(note: string, vkey: string): boolean {
  return signaturesOf(note, vkey).some((signature) => {
    const time = signature.readBigUInt64BE(0)
    return verifies(`cosignature/v1\ntime ${time}\n${textOf(note)}`, signature.subarray(TIME_BYTES), vkey)
  })
}

/** Whether the note bears a plain signature of this key that verifies. */
export function isSignedBy(note: string, vkey: string): boolean {
  return signaturesOf(note, vkey).some((signature) => verifies(textOf(note), signature, vkey))
}

function signaturesOf(note: string, vkey: string): Buffer[] {
  const [name, keyId] = vkey.split('+')
  return linesOf(note)
    .filter((line) => line.name === name && line.blob.subarray(0, KEY_ID_BYTES).toString('hex') === keyId)
    .map(({ blob }) => blob.subarray(KEY_ID_BYTES))
}

function verifies(message: string, signature: Buffer, vkey: string): boolean {
  const [name = '', keyId = ''] = vkey.split('+')
  const key = Buffer.from(vkey.slice(name.length + keyId.length + 2), 'base64').subarray(1)
  const publicKey = createPublicKey({ key: Buffer.concat([ED25519_SPKI, key]), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(message), publicKey, signature)
}

function textOf(note: string): string {
  return note.slice(0, note.lastIndexOf('\n\n') + 1)
}

function linesOf(note: string): Line[] {
  const lines = note.slice(note.lastIndexOf('\n\n') + 2).split('\n')
  return lines.flatMap((line) => {
    const [dash, name = '', blob = ''] = line.split(' ')
    return dash === '\u2014' ? [{ name, blob: Buffer.from(blob, 'base64') }] : []
  })
}
