// C2SP signed notes: a text that ends in a newline, an empty line, and signature lines. Unknown keys are ignored; a known
// key whose signature fails refuses the whole note.
import { base64, concat, fromBase64, fromUtf8, hex, utf8 } from '@careseal/crypto/portable'
import { Malformed, orMalformed } from './malformed.js'
import { isKeyName, keyIdBytes, type KeyIdentity } from './vkey.js'

/** One signature line. `signature` is what follows the four bytes of the key ID. */
export type NoteSignature = KeyIdentity & { signature: Uint8Array }

/** `text` is what is signed: it ends in a newline and may hold empty lines. */
export type Note = { text: string; signatures: NoteSignature[] }

export type NoteSigner = KeyIdentity & { sign: (text: Uint8Array) => Uint8Array | Promise<Uint8Array> }
export type NoteVerifier = KeyIdentity & {
  verify: (text: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
}

export const NOTE_SIGNATURES_MAX = 100
export const NOTE_CHARACTERS_MAX = 1_000_000

/** A well-formed note that is not to be believed. */
export class NoteRefused extends Error {
  override readonly name = 'NoteRefused'
  constructor(readonly code: 'signature-invalid' | 'no-known-signature') {
    super(code === 'signature-invalid' ? 'the signature of a known key fails' : 'no known key has signed')
  }
}

/** Splits a note into text and signatures, and verifies nothing. Throws Malformed. */
export function parseNote(note: string | Uint8Array): Note {
  const { text, lines } = splitNote(note)
  return { text, signatures: lines.map(decodeSignature) }
}

/** A signature line as it stands: `encoded` looks like base64 and was not decoded. */
export type SignatureLine = { name: string; encoded: string }

/** The form of a note, without a look into its signatures. Throws Malformed. */
export function splitNote(note: string | Uint8Array): { text: string; lines: SignatureLine[] } {
  const whole = typeof note === 'string' ? note : orMalformed('a note is UTF-8', () => fromUtf8(note))
  if (whole.length > NOTE_CHARACTERS_MAX) throw new Malformed('a note of such a length')
  // oxlint-disable-next-line no-control-regex -- these characters are what the format forbids
  if (!whole.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(whole))
    throw new Malformed('a note with control bytes')
  const split = whole.lastIndexOf('\n\n')
  if (split === -1 || !whole.endsWith('\n')) throw new Malformed('a note without signatures')
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > NOTE_SIGNATURES_MAX) throw new Malformed('a note with too many signatures')
  return { text: whole.slice(0, split + 1), lines: lines.map(parseSignatureLine) }
}

function parseSignatureLine(line: string): SignatureLine {
  const [, name = '', encoded = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? []
  if (!isKeyName(name)) throw new Malformed('not a signature line')
  return { name, encoded }
}

function decodeSignature({ name, encoded }: SignatureLine): NoteSignature {
  const bytes = orMalformed('not a signature line', () => fromBase64(encoded))
  if (bytes.length < 5) throw new Malformed('not a signature line')
  return { name, keyId: hex(bytes.subarray(0, 4)), signature: bytes.slice(4) }
}

/** `— name base64(key ID || signature)\n` */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) throw new Malformed('not a key name')
  return `\u2014 ${name} ${base64(concat(keyIdBytes(keyId), signature))}\n`
}

/** The note's text form. Throws Malformed for a text that does not end in a newline. */
export function formatNote({ text, signatures }: Note): string {
  if (!text.endsWith('\n')) throw new Malformed('a note text ends in a newline')
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`
}

/** Signs a text with each signer, in their order. */
export async function signNote(text: string, ...signers: readonly NoteSigner[]): Promise<string> {
  const signatures: NoteSignature[] = []
  for (const { name, keyId, sign } of signers) signatures.push({ name, keyId, signature: await sign(utf8(text)) })
  return formatNote({ text, signatures })
}

/** Adds signature lines to a note as they are. Throws Malformed when the result would be no note. */
export function addSignatureLines(note: string, lines: string): string {
  const whole = note + lines
  if (parseNote(whole).text !== parseNote(note).text) throw new Malformed('not signature lines')
  return whole
}

export type VerifiedNote = { text: string; verified: NoteSignature[]; unknown: NoteSignature[] }

/**
 * The note's text and who of the known keys signed it; of several lines of one key the first counts.
 *
 * Throws Malformed, or NoteRefused when a known key's signature fails or no known key signed.
 */
export async function verifyNote(note: string | Uint8Array, verifiers: readonly NoteVerifier[]): Promise<VerifiedNote> {
  const { text, signatures } = parseNote(note)
  const known = new Map(verifiers.map((verifier) => [identityOf(verifier), verifier]))
  const message = utf8(text)
  const verified = new Map<string, NoteSignature>()
  const unknown: NoteSignature[] = []
  for (const signature of signatures) {
    const identity = identityOf(signature)
    const verifier = known.get(identity)
    if (verifier === undefined) unknown.push(signature)
    else if (!verified.has(identity)) {
      if (!(await verifier.verify(message, signature.signature))) throw new NoteRefused('signature-invalid')
      verified.set(identity, signature)
    }
  }
  if (verified.size === 0) throw new NoteRefused('no-known-signature')
  return { text, verified: [...verified.values()], unknown }
}

/** One text for a key's identity: a key name holds no plus. */
export function identityOf({ name, keyId }: KeyIdentity): string {
  return `${name}+${keyId}`
}
