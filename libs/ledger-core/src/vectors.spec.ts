// The published vectors of the C2SP formats. They are data of others and not part of this repository.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { base64, fromBase64, fromHex, fromUtf8, hex, sha256, utf8 } from '@careseal/crypto'
import { leafHash, verifyInclusion } from '@careseal/merkle'
import { describe, expect, test } from 'vitest'
import { formatBundle, parseBundle } from './bundle.js'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import { cosignatureMessage, cosigner, parseCosignature, verifierOf } from './cosignature.js'
import { formatSignatureLine, parseNote, signNote, verifyNote } from './note.js'
import { parsePolicy, satisfies } from './policy.js'
import { formatTlogProof, parseTlogProof } from './tlog-proof.js'
import { verifyCheckpoint } from './trust.js'
import { formatVkey, parseVkey } from './vkey.js'

const folder = fileURLToPath(new URL('../../../../shared/vectors/', import.meta.url))
const missing = !existsSync(folder)

function read<T>(name: string): T {
  return (missing ? {} : JSON.parse(readFileSync(folder + name, 'utf8'))) as T
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([fromHex('302a300506032b6570032100'), publicKey])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

function signerFrom(seed: Uint8Array): (message: Uint8Array) => Uint8Array {
  const der = Buffer.concat([fromHex('302e020100300506032b657004220420'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return (message) => new Uint8Array(sign(null, message, key))
}

function verifiers(vkeys: readonly string[]) {
  return vkeys.map((text) => verifierOf(parseVkey(sha256, text), verifyEd25519)!)
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

const primitives = { sha256, verifyEd25519 }

describe.skipIf(missing)('published signed notes', () => {
  type Open = { name: string; note?: string; note_hex?: string; vkeys: string[]; valid: boolean; verified?: number }
  type Key = { vkey: string; valid: boolean; name: string; key_id: string; type: number; public_key_hex: string }
  type Sign = { skey: string; vkey: string; text: string; note: string }
  const vectors = read<{ sign: Sign[]; open: Open[]; vkeys: Key[] }>('signed-note.json')

  test.each(vectors.open ?? [])('$name: valid $valid', async ({ note, note_hex, vkeys, valid, verified }) => {
    const given = note ?? fromHex(note_hex!)
    const opened = await verifyNote(given, verifiers(vkeys)).catch(() => null)
    expect(opened !== null).toBe(valid)
    expect(opened?.verified.length ?? verified).toBe(verified ?? opened?.verified.length)
  })

  test.each(vectors.vkeys ?? [])('vkey $vkey: valid $valid', ({ vkey, valid, ...fields }) => {
    expect(succeeds(() => parseVkey(sha256, vkey))).toBe(valid)
    const parsed = valid ? parseVkey(sha256, vkey) : null
    const expected = [vkey, fields.name, fields.key_id, fields.type, fields.public_key_hex]
    const found = parsed && [formatVkey(parsed), parsed.name, parsed.keyId, parsed.type, hex(parsed.publicKey)]
    expect(found).toEqual(valid ? expected : null)
  })

  test('are signed to the same bytes', async () => {
    for (const { skey, vkey, text, note } of vectors.sign) {
      const seed = fromBase64(skey.split('+').slice(4).join('+')).slice(1)
      const { name, keyId } = parseVkey(sha256, vkey)
      expect(await signNote(text, { name, keyId, sign: signerFrom(seed) })).toBe(note)
    }
  })
})

describe.skipIf(missing)('published checkpoints', () => {
  type Case = { text: string; strict: boolean; origin?: string; size?: string }
  const cases = read<{ parse: Case[] }>('checkpoint-parse.json').parse ?? []

  test.each(cases)('$text: valid $strict', ({ text, strict, origin, size }) => {
    expect(succeeds(() => parseCheckpoint(text))).toBe(strict)
    const parsed = strict ? parseCheckpoint(text) : null
    expect(parsed && [parsed.origin, String(parsed.size), formatCheckpoint(parsed)]).toEqual(
      strict ? [origin, size, text] : null,
    )
  })
})

describe.skipIf(missing)('published cosignatures', () => {
  type Vectors = Record<
    | 'witness_seed_hex'
    | 'witness_name'
    | 'witness_vkey'
    | 'log_vkey'
    | 'note_body'
    | 'signed_message_hex'
    | 'cosignature_line'
    | 'checkpoint',
    string
  > & {
    timestamp: number
    negative: { name: string; checkpoint: string }[]
    decode: { base64: string; key_id?: string; timestamp: number }[]
  }
  const vectors = read<Vectors>('cosignature-ed25519.json')

  test('are made to the same bytes', async () => {
    const timestamp = Number(vectors.timestamp)
    const text = utf8(vectors.note_body)
    expect(hex(cosignatureMessage(timestamp, text))).toBe(vectors.signed_message_hex)
    const { name, keyId } = parseVkey(sha256, vectors.witness_vkey)
    const signer = cosigner({ name, keyId }, timestamp, signerFrom(fromHex(vectors.witness_seed_hex)))
    const signature = await signer.sign(text)
    expect(formatSignatureLine({ name, keyId, signature })).toBe(vectors.cosignature_line)
  })

  test('hold beside the signature of the log', async () => {
    const { witness_name, log_vkey, witness_vkey, checkpoint } = vectors
    const policy = parsePolicy(sha256, `log ${log_vkey}\nwitness w ${witness_vkey}\nquorum w\n`)
    const trusted = await verifyCheckpoint(checkpoint, { policy }, primitives)
    expect(trusted.cosignatures).toEqual([{ witness: 'w', timestamp: Number(vectors.timestamp) }])
    expect(parseNote(checkpoint).signatures.map(({ name }) => name)).toContain(witness_name)
  })

  test('that were altered refuse the whole note', async () => {
    expect(vectors.negative).toHaveLength(3)
    for (const { checkpoint } of vectors.negative) {
      const opened = verifyNote(checkpoint, verifiers([vectors.log_vkey, vectors.witness_vkey]))
      await expect(opened).rejects.toThrow('known key fails')
    }
  })

  test('of others are taken apart', () => {
    for (const each of vectors.decode) {
      const bytes = fromBase64(each.base64)
      expect(parseCosignature(bytes.subarray(4)).timestamp).toBe(Number(each.timestamp))
      expect([undefined, hex(bytes.subarray(0, 4))]).toContain(each.key_id)
    }
  })
})

describe.skipIf(missing)('published proof files', () => {
  type Valid = { leaf: string; index: number; size: number; proof: string }
  type Vectors = { log_vkey: string; valid: Valid[]; invalid: { name: string; proof: string }[] }
  const vectors = read<Vectors>('tlog-proof.json')

  test.each(vectors.valid ?? [])('$leaf at $index of $size', async ({ leaf, index, size, proof: text }) => {
    const parsed = parseTlogProof(text)
    expect([parsed.index, formatTlogProof(parsed)]).toEqual([index, text])
    const trust = { logVkeys: [vectors.log_vkey] }
    const checkpoint = await verifyCheckpoint(parsed.checkpoint, trust, primitives)
    expect(checkpoint.size).toBe(size)
    const { proof } = parsed
    const hash = leafHash(sha256, utf8(leaf))
    expect(verifyInclusion(sha256, { index, size, leafHash: hash, proof, root: checkpoint.root })).toBe(true)
  })

  test.each(vectors.invalid ?? [])('$name is refused', ({ proof }) => {
    expect(succeeds(() => parseTlogProof(proof))).toBe(false)
  })
})

describe.skipIf(missing)('published policies', () => {
  type Vectors = { valid: { policy: string; k: number; n: number }[]; invalid: { name: string; policy: string }[] }
  const vectors = read<Vectors>('policy.json')

  test.each(vectors.valid ?? [])('of $n witnesses ask for $k', ({ policy: text, k, n }) => {
    const policy = parsePolicy(sha256, text)
    const names = policy.witnesses.map(({ name }) => name)
    expect(names).toHaveLength(n)
    const enough = names.map((_, i) => satisfies(policy, new Set(names.slice(0, i))))
    expect(enough).toEqual(names.map((_, i) => i >= k))
    expect(satisfies(policy, new Set(names))).toBe(true)
  })

  test.each(vectors.invalid ?? [])('$name is refused', ({ policy }) => {
    expect(succeeds(() => parsePolicy(sha256, policy))).toBe(false)
  })
})

describe.skipIf(missing)('a real tiled log', () => {
  type Log = {
    origin: string
    vkey: string
    leaves: string[]
    checkpoints: { size: number; root_hex: string; checkpoint: string }[]
  }
  const log = read<Log>('tessera-testlog.json')

  test('signed its sixteen checkpoints', async () => {
    expect(log.checkpoints).toHaveLength(16)
    for (const { size, root_hex, checkpoint } of log.checkpoints) {
      const trusted = await verifyCheckpoint(checkpoint, { logVkeys: [log.vkey] }, primitives)
      expect([trusted.origin, trusted.size, hex(trusted.root)]).toEqual([log.origin, size, root_hex])
    }
  })

  test('serves bundles that are read and written alike', () => {
    const bundles = `${folder}tessera-testlog/tile/entries/000.p/`
    const widths = readdirSync(bundles)
    expect(widths).toHaveLength(15)
    for (const width of widths) {
      const bytes = new Uint8Array(readFileSync(bundles + width))
      const entries = parseBundle(bytes)
      expect(entries.map(fromUtf8)).toEqual(log.leaves.slice(0, Number(width)))
      expect(base64(formatBundle(entries))).toBe(base64(bytes))
    }
  })
})
