// A witness's key is changed: the ledger names the new one, and the old one ends once the new one has co-signed what is
// published. So whoever verifies knows for which sizes either counts.
import { sha256, utf8 } from '@careseal/crypto'
import { parseNote, parseVkey, verifierOf, identityOf, type RetirementReason } from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import {
  AdministrationRefused,
  append,
  governanceOf,
  publishedNote,
  until,
  type Administration,
} from './administration.js'
import type { Rotation } from './rotate-log-key.js'

export type WitnessRotation = {
  old: string
  next: string
  reason: RetirementReason
  /** Retires the old key without waiting for a cosignature of the new one. */
  atOnce: boolean
}

/** Goes on with a rotation that was begun. Throws AdministrationRefused. */
export async function rotateWitnessKey(administration: Administration, asked: WitnessRotation): Promise<Rotation> {
  const { old, next, reason, atOnce } = asked
  const known = (await governanceOf(administration)).keys.find(({ vkey }) => vkey === next)
  const addedAt = known?.addedAt ?? (await append(administration, addition(asked)))
  administration.onProgress(`the ledger names the new key from size ${addedAt + 1} on`)
  if (!atOnce) await untilCosigned(administration, { vkey: next, fromSize: addedAt + 1 })
  const retiredAt = await append(administration, {
    type: 'key-retired',
    data: { owner: 'witness', vkey: old, reason },
  })
  return { added: next, addedAt, retired: old, retiredAt }
}

function addition({ old, next }: WitnessRotation) {
  return { type: 'key-added', data: { owner: 'witness', vkey: next, replaces: old } }
}

async function untilCosigned(
  administration: Administration,
  { vkey, fromSize }: { vkey: string; fromSize: number },
): Promise<void> {
  const key = parseVkey(sha256, vkey)
  const verifier = verifierOf(key, verifyEd25519)
  const isCosigned = async () => {
    const published = await publishedNote(administration)
    if (!published || published.size < fromSize) return false
    const { text, signatures } = parseNote(published.note)
    const own = signatures.find((signature) => identityOf(signature) === identityOf(key))
    return own !== undefined && (await verifier?.verify(utf8(text), own.signature)) === true
  }
  await until(administration, isCosigned, () => {
    const mend = 'name it in the policy of the log beside the old one, then repeat this command: it goes on'
    return new AdministrationRefused(
      'not-cosigned-yet',
      `nothing published bears a cosignature of the new key: ${mend}`,
    )
  })
}
