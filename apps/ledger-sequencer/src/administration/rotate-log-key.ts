// The log's key is changed without a stop: the new one is durable at the signer, then named by the ledger, then signs
// beside the old one until the quorum of witnesses believes it, and only then is the old one retired.
import { sha256 } from '@careseal/crypto'
import { satisfies, verifyCheckpoint, type LedgerKey, type RetirementReason } from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import { addressesOf } from '../cosigning/witness-policy.js'
import {
  AdministrationRefused,
  append,
  governanceOf,
  publishedNote,
  until,
  type Administration,
} from './administration.js'
import { believesKey } from './witnesses.js'

export type RotationOptions = {
  reason: RetirementReason
  /** Retires the old key without asking whether witnesses believe the new one: only for a key that was stolen. */
  atOnce: boolean
}

export type Rotation = { added: string; addedAt: number; retired: string; retiredAt: number }

/** Goes on with a rotation that was begun. Throws AdministrationRefused. */
export async function rotateLogKey(administration: Administration, options: RotationOptions): Promise<Rotation> {
  const { old, next } = await keysOf(administration)
  administration.onProgress(`new key of the log: ${next.vkey}`)
  await untilSigned(administration, next)
  if (!options.atOnce) await untilBelieved(administration, next)
  const retiredAt = await append(administration, {
    type: 'key-retired',
    data: { owner: 'log', vkey: old.vkey, reason: options.reason },
  })
  return { added: next.vkey, addedAt: next.addedAt as number, retired: old.vkey, retiredAt }
}

type Pair = { old: LedgerKey; next: LedgerKey }

async function keysOf(administration: Administration): Promise<Pair> {
  const begun = await openKeys(administration)
  if (begun.length === 1) {
    // If we crash after either, the next call finds the same key at the signer, or on the ledger.
    const known = (await governanceOf(administration)).keys.map(({ vkey }) => vkey)
    const vkey = await administration.signer.prepareKey(known)
    const data = { owner: 'log', vkey, replaces: (begun[0] as LedgerKey).vkey }
    await append(administration, { type: 'key-added', data })
  }
  const open = await openKeys(administration)
  const next = open.at(-1)
  const old = open.find(({ vkey }) => vkey === next?.replaces)
  if (next && old) return { old, next }
  throw new AdministrationRefused('no-key-to-replace', 'the ledger names no key that a newer one replaces')
}

async function openKeys(administration: Administration): Promise<LedgerKey[]> {
  const { keys } = await governanceOf(administration)
  return keys.filter(({ owner, untilSize }) => owner === 'log' && untilSize === null)
}

async function untilSigned(administration: Administration, { vkey, fromSize }: LedgerKey): Promise<void> {
  const isSigned = async () => {
    const published = await publishedNote(administration)
    if (!published || published.size < fromSize) return false
    const trusted = { logVkeys: [vkey] }
    return verifyCheckpoint(published.note, trusted, { sha256, verifyEd25519 }).then(
      () => true,
      () => false,
    )
  }
  const detail = 'no checkpoint is published under the new key yet: look at /ledger/status, then repeat this command'
  await until(administration, isSigned, () => new AdministrationRefused('not-signed-yet', detail))
}

/** A witness that only believes the old key would refuse every checkpoint after its end. */
async function untilBelieved(administration: Administration, { vkey }: LedgerKey): Promise<void> {
  const { policy, onProgress } = administration
  const believing = new Set<string>()
  const isQuorum = async () => {
    const published = await publishedNote(administration)
    for (const witness of addressesOf(policy).filter(({ name }) => !believing.has(name))) {
      if (!published || !(await believesKey(witness, { note: published.note, size: published.size, vkey }))) continue
      believing.add(witness.name)
      onProgress(`witness ${witness.name} believes the new key`)
    }
    return satisfies(policy, believing)
  }
  await until(administration, isQuorum, () => {
    const missing = policy.witnesses.filter(({ name }) => !believing.has(name)).map(({ name }) => name)
    const mend = `give them the new key, then repeat this command: it goes on`
    return new AdministrationRefused('not-believed-yet', `${missing.join(', ')} do not believe the new key: ${mend}`)
  })
}
