import { hmacSha256, sha256 } from '@careseal/crypto'
import { formatKeyFile, parseKeyFile, verifyEd25519 } from '@careseal/cosigner'
import { ED25519, formatCheckpoint, formatEvidence, formatVkey, signNote } from '@careseal/ledger-core'
import { describe, expect, it } from 'vitest'
import { judge } from './judge.js'

const ORIGIN = 'ledger.example.org/one'

/** These two seeds make keys whose key IDs are the same for this name. */
const [HONEST, FORGER] = [61_364, 146_589]

function keyOf(seedNumber: number) {
  const seed = Buffer.alloc(32)
  seed.writeUInt32BE(seedNumber, 28)
  const { vkey, sign } = parseKeyFile(ED25519, formatKeyFile({ name: ORIGIN, type: ED25519 }, seed))
  const signed = (salt: string) =>
    signNote(formatCheckpoint({ origin: ORIGIN, size: 9, root: sha256(Buffer.from(salt)) }), { ...vkey, sign })
  return { vkey: formatVkey(vkey), keyId: vkey.keyId, signed }
}

async function findingOn(forked: ReturnType<typeof keyOf>, policy: string) {
  const notes: [string, string] = [await forked.signed('one'), await forked.signed('other')]
  const item = formatEvidence({ kind: 'A', logKey: forked.vkey, notes })
  return judge({ item, policy, entry: '' }, { sha256, verifyEd25519, hmacSha256 })
}

describe('evidence on the page', () => {
  it('concerns the log of the policy only where the whole key is the same', async () => {
    const [honest, forger] = [keyOf(HONEST), keyOf(FORGER)]
    expect(forger.keyId).toBe(honest.keyId)
    expect((await findingOn(honest, honest.vkey)).lines).toContain('It is a log of your policy.')
    expect((await findingOn(forger, honest.vkey)).lines).toContain('It is NO log of your policy.')
  })

  it('shows the whole key, so that it can be compared', async () => {
    const forked = keyOf(HONEST)
    expect((await findingOn(forked, '')).lines).toContain(`Key: ${forked.vkey}`)
  })
})
