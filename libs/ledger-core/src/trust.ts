// Whom a verifier believes: the logs of a policy, once the policy's quorum of witnesses has co-signed.
import type { Sha256 } from '@careseal/merkle'
import { parseCheckpoint, type Checkpoint } from './checkpoint.js'
import { parseCosignature, verifierOf, type VerifyEd25519 } from './cosignature.js'
import { Malformed } from './malformed.js'
import { identityOf, NoteRefused, parseNote, verifyNote, type NoteSignature, type NoteVerifier } from './note.js'
import { satisfies, type Policy } from './policy.js'
import { COSIGNATURE_V1, ED25519, parseVkey, type Vkey } from './vkey.js'

/** Hash and signature functions: node:crypto, WebCrypto or anything else. */
export type Primitives = { sha256: Sha256; verifyEd25519: VerifyEd25519 }

/** A policy, or bare vkeys of logs: then no cosignature is asked for. */
export type Trust = { policy: Policy } | { logVkeys: readonly string[] }

/** A witness of the policy, by its name there, and when it co-signed (seconds since 1970). */
export type Cosignature = { witness: string; timestamp: number }

export type TrustedCheckpoint = Checkpoint & { logKey: string; cosignatures: Cosignature[] }

/** Why a checkpoint is not believed. */
export class CheckpointRefused extends Error {
  override readonly name = 'CheckpointRefused'
  constructor(
    readonly code:
      'malformed' | 'signature-invalid' | 'no-known-signature' | 'origin-of-another-key' | 'quorum-not-met',
  ) {
    super(`the checkpoint is refused: ${code}`)
  }
}

/** The policy that trust comes down to. Throws Malformed for a vkey that is none. */
export function policyOf(sha256: Sha256, trust: Trust): Policy {
  if ('policy' in trust) return trust.policy
  const logs = trust.logVkeys.map((text) => {
    const vkey = parseVkey(sha256, text)
    if (vkey.type !== ED25519) throw new Malformed('a log has an Ed25519 key')
    return { vkey, url: null }
  })
  return { logs, witnesses: [], groups: [], quorum: null }
}

/**
 * The checkpoint of a signed note that a log of the policy signed and the quorum co-signed.
 *
 * The origin must be the name of the log's key, so that a trusted log cannot speak for another. Throws CheckpointRefused.
 */
export async function verifyCheckpoint(
  note: string,
  trust: Trust,
  { sha256, verifyEd25519 }: Primitives,
): Promise<TrustedCheckpoint> {
  const policy = policyOf(sha256, trust)
  const keys = [...policy.logs, ...policy.witnesses].map(({ vkey }) => vkey)
  const verifiers = keys.map((vkey) => verifierOf(vkey, verifyEd25519)).filter((each) => each !== null)
  const { text, verified } = await believed(note, verifiers)
  const checkpoint = readable(text)
  const signed = new Map(verified.map((signature) => [identityOf(signature), signature]))
  const logs = policy.logs.filter(({ vkey }) => signed.has(identityOf(vkey)))
  if (logs.length === 0) throw new CheckpointRefused('no-known-signature')
  const log = logs.find(({ vkey }) => vkey.name === checkpoint.origin)
  if (log === undefined) throw new CheckpointRefused('origin-of-another-key')
  const cosignatures = cosignaturesOf(policy, signed)
  if (!satisfies(policy, new Set(cosignatures.map(({ witness }) => witness)))) {
    throw new CheckpointRefused('quorum-not-met')
  }
  return { ...checkpoint, logKey: identityOf(log.vkey), cosignatures }
}

/** What a signed note says of its log, by whomever it is signed. Throws CheckpointRefused `malformed`. */
export function readCheckpoint(note: string): Checkpoint {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch {
    throw new CheckpointRefused('malformed')
  }
}

function cosignaturesOf(policy: Policy, signed: ReadonlyMap<string, NoteSignature>): Cosignature[] {
  return policy.witnesses.flatMap(({ name, vkey }) => {
    const signature = timedSignature(vkey, signed)
    return signature === undefined ? [] : [{ witness: name, timestamp: parseCosignature(signature).timestamp }]
  })
}

function timedSignature(vkey: Vkey, signed: ReadonlyMap<string, NoteSignature>): Uint8Array | undefined {
  return vkey.type === COSIGNATURE_V1 ? signed.get(identityOf(vkey))?.signature : undefined
}

async function believed(note: string, verifiers: readonly NoteVerifier[]) {
  try {
    return await verifyNote(note, verifiers)
  } catch (error) {
    if (error instanceof NoteRefused) throw new CheckpointRefused(error.code)
    if (error instanceof Malformed) throw new CheckpointRefused('malformed')
    throw error
  }
}

function readable(text: string): Checkpoint {
  try {
    return parseCheckpoint(text)
  } catch {
    throw new CheckpointRefused('malformed')
  }
}
