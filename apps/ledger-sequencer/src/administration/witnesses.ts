// What witnesses know, asked as anybody may ask them (C2SP tlog-witness).
import { sha256, utf8 } from '@careseal/crypto'
import {
  formatAddCheckpoint,
  formatNote,
  identityOf,
  parseNote,
  parseVkey,
  verifyCheckpoint,
  type KnownTree,
  type PolicyWitness,
} from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import { AdministrationRefused } from './administration.js'

const DEADLINE_MS = 5_000
/** It looked at the signature and found it good; what it says of the sizes is another matter. */
const BELIEVED = new Set([200, 409, 422])

/** Whether a witness takes a checkpoint that bears the signature of this key and of no other. */
export async function believesKey(
  { url }: PolicyWitness,
  { note, size, vkey }: { note: string; size: number; vkey: string },
): Promise<boolean> {
  const key = parseVkey(sha256, vkey)
  const { text, signatures } = parseNote(note)
  const own = signatures.filter((signature) => identityOf(signature) === identityOf(key))
  if (url === null || own.length === 0) return false
  const body = formatAddCheckpoint({ oldSize: BigInt(size), proof: [], note: formatNote({ text, signatures: own }) })
  const answer = await ask(`${url}/add-checkpoint`, { method: 'POST', body })
  return answer !== null && BELIEVED.has(answer.status)
}

/** The largest tree that a witness has co-signed; null when it has seen none. Throws when it does not say. */
export async function seenBy(
  { name, url }: PolicyWitness,
  { origin, logVkeys }: { origin: string; logVkeys: readonly string[] },
): Promise<KnownTree | null> {
  const id = Buffer.from(sha256(utf8(origin))).toString('hex')
  const answer = url === null ? null : await ask(`${url}/${id}/checkpoint`)
  if (answer?.status === 404) return null
  if (answer?.status !== 200) {
    throw new AdministrationRefused('witness-silent', `${name} does not say what it has seen: every witness has to`)
  }
  const { size, root } = await verifyCheckpoint(answer.text, { logVkeys }, { sha256, verifyEd25519 })
  return { size, root }
}

async function ask(url: string, init: RequestInit = {}): Promise<{ status: number; text: string } | null> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(DEADLINE_MS) })
    return { status: response.status, text: await response.text() }
  } catch {
    return null
  }
}
