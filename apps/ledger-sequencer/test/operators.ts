// For specs: those who approve administration entries.
import { sha256 } from '@careseal/crypto'
import { approve, ED25519, formatVkey, vkeyOf, type Admin, type Operator } from '@careseal/ledger-core'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { AdminOutcome } from '../src/admission/admin-desk.js'
import type { LedgerUnderTest, RunningSequencer } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

export function newOperator(name: string): Operator & { vkey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x as string, 'base64url')
  const vkey = formatVkey(vkeyOf(sha256, { name, type: ED25519, publicKey: raw }))
  return { name, vkey, sign: (message) => sign(null, message, privateKey) }
}

/** Has an entry appended that these operators approve, at whatever index is free. */
export async function submit(
  { ledger, run, operators }: { ledger: LedgerUnderTest; run: RunningSequencer; operators: readonly Operator[] },
  entry: Omit<Admin, 'approvals'>,
): Promise<AdminOutcome> {
  let index = (await ledger.head()).treeSize
  for (;;) {
    const outcome = await run.sequencer.submit({ index, admin: approve({ origin: ORIGIN, index }, entry, operators) })
    if (outcome === null) throw new Error('nothing is sealed')
    if (!('refused' in outcome) || outcome.refused !== 'index-passed') return outcome
    index = outcome.index
  }
}
