// What witnesses know, asked as anybody may ask them (C2SP tlog-witness).
import { sha256 } from '@careseal/crypto'
import {
  formatAddCheckpoint,
  formatNote,
  identityOf,
  parseNote,
  parseVkey,
  verifyCheckpoint,
  type KnownTree,
} from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import { WitnessClient } from '../cosigning/witness-client.js'
import type { WitnessAddress } from '../cosigning/witness-policy.js'
import { AdministrationRefused } from './administration.js'

const DEADLINE_MS = 5_000
/** It looked at the signature and found it good; what it says of the sizes is another matter. */
const BELIEVED = new Set([200, 409, 422])

/** Whether a witness takes a checkpoint that bears the signature of this key and of no other. */
export async function believesKey(
  { url }: WitnessAddress,
  { note, size, vkey }: { note: string; size: number; vkey: string },
): Promise<boolean> {
  const key = parseVkey(sha256, vkey)
  const { text, signatures } = parseNote(note)
  const own = signatures.filter((signature) => identityOf(signature) === identityOf(key))
  if (own.length === 0) return false
  const body = formatAddCheckpoint({ oldSize: BigInt(size), proof: [], note: formatNote({ text, signatures: own }) })
  const status = await statusOf(`${url}/add-checkpoint`, body)
  return status !== null && BELIEVED.has(status)
}

/** The largest tree that a witness has co-signed; null when it has seen none. Throws when it does not say. */
export async function seenBy(
  witness: WitnessAddress,
  { origin, logVkeys }: { origin: string; logVkeys: readonly string[] },
): Promise<KnownTree | null> {
  const answer = await new WitnessClient(witness, DEADLINE_MS).latest(origin)
  if ('failed' in answer) {
    const told = `${witness.name} does not say what it has seen: every witness has to`
    throw new AdministrationRefused('witness-silent', told)
  }
  if (answer.note === null) return null
  const { size, root } = await verifyCheckpoint(answer.note, { logVkeys }, { sha256, verifyEd25519 })
  return { size, root }
}

async function statusOf(url: string, body: string): Promise<number | null> {
  try {
    const response = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(DEADLINE_MS) })
    await response.text()
    return response.status
  } catch {
    return null
  }
}
