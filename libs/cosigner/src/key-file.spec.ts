import { sha256 } from '@careseal/crypto'
import {
  COSIGNATURE_V1,
  cosigner,
  ED25519,
  parseVkey,
  formatVkey,
  signNote,
  verifierOf,
  verifyNote,
} from '@careseal/ledger-core'
import { describe, expect, it } from 'vitest'
import { formatKeyFile, KeyFileBroken, parseKeyFile } from './key-file.js'
import { verifyEd25519 } from './verify-ed25519.js'

const seed = new Uint8Array(32).fill(7)
const name = 'witness.example.org/w1'

describe('the key file of a cosigner', () => {
  it.each([ED25519, COSIGNATURE_V1] as const)('of type %i signs what its vkey verifies', async (type) => {
    const { vkey, sign } = parseKeyFile(type, formatKeyFile({ name, type }, seed))
    const signer = type === ED25519 ? { ...vkey, sign } : cosigner(vkey, 1_790_000_000, sign)
    const note = await signNote('a text\n', signer)
    const verifier = verifierOf(parseVkey(sha256, formatVkey(vkey)), verifyEd25519)!
    expect((await verifyNote(note, [verifier])).verified).toHaveLength(1)
  })

  it.each([
    ['a key of the other type', formatKeyFile({ name, type: ED25519 }, seed)],
    ['another name', formatKeyFile({ name, type: COSIGNATURE_V1 }, seed).replace('w1', 'w2')],
    ['a part of it', formatKeyFile({ name, type: COSIGNATURE_V1 }, seed).slice(0, -9)],
    ['nothing', ''],
  ])('that holds %s is refused, and the message repeats nothing of it', (_case, text) => {
    expect(() => parseKeyFile(COSIGNATURE_V1, text)).toThrow(new KeyFileBroken('the key cannot be read'))
  })
})
