import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { fromHex, hex, sha256, utf8 } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import { asCosignatureKey, cosignatureMessage, cosigner, parseCosignature, verifierOf } from './cosignature.js'
import { Malformed } from './malformed.js'
import {
  addSignatureLines,
  formatNote,
  formatSignatureLine,
  NoteRefused,
  parseNote,
  signNote,
  verifyNote,
} from './note.js'
import { COSIGNATURE_V1, ED25519, formatVkey, parseVkey, vkeyOf, type Vkey } from './vkey.js'

const DER_PRIVATE = fromHex('302e020100300506032b657004220420')
const DER_PUBLIC = fromHex('302a300506032b6570032100')

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([DER_PRIVATE, seed]), format: 'der', type: 'pkcs8' })
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([DER_PUBLIC, publicKey]), format: 'der', type: 'spki' })
  return verify(null, message, key, signature)
}

function keyPair(name: string, type: number, fill: number) {
  const key = privateKey(new Uint8Array(32).fill(fill))
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const vkey = vkeyOf(sha256, { name, type, publicKey: new Uint8Array(spki.subarray(-32)) })
  const signer = { name, keyId: vkey.keyId, sign: (text: Uint8Array) => new Uint8Array(sign(null, text, key)) }
  return { vkey, signer, verifier: verifierOf(vkey, verifyEd25519)! }
}

const log = keyPair('ledger.example.org/test', ED25519, 1)
const rotated = keyPair('ledger.example.org/test', ED25519, 2)
const witness = keyPair('witness.example.org/w1', COSIGNATURE_V1, 3)
const root = sha256(utf8('root'))
const text = formatCheckpoint({ origin: 'ledger.example.org/test', size: 6, root })

describe('the formats that can never change', () => {
  test('a checkpoint', () => {
    expect(text).toBe('ledger.example.org/test\n6\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n')
  })

  test('a vkey', () => {
    expect(formatVkey(log.vkey)).toBe('ledger.example.org/test+e6a4249a+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c')
    expect(formatVkey(witness.vkey)).toBe(
      'witness.example.org/w1+42e79f14+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR',
    )
  })

  test('a checkpoint that log and witness signed', async () => {
    const note = await signNote(text, log.signer, cosigner(witness.signer, 1_790_000_002, witness.signer.sign))
    expect(note).toBe(
      'ledger.example.org/test\n' +
        '6\n' +
        'SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n' +
        '\n' +
        '\u2014 ledger.example.org/test 5qQkmh4b39s5LH7EFaKDtV1MhUwDP1w1NFJ9GK7BD9MGv9hxkwHHyeAaF6ROlssbiEfGjHyMYkgZh8Ro4tDDVvcVKA8=\n' +
        '\u2014 witness.example.org/w1 QuefFAAAAABqsTuCv65v3pu/Im49ZUsy1EO1KtVUnDHqiKCuGdfyh7bpS/hKQ8oARc7+SZNralUkdEHq/J6EUvksiHdRaYnZCrVmAg==\n',
    )
  })

  test('what a witness signs', () => {
    expect(cosignatureMessage(1_790_000_002, utf8(text))).toEqual(utf8(`cosignature/v1\ntime 1790000002\n${text}`))
  })
})

describe('signed notes', () => {
  test('read back what was signed, whatever lines the text has', async () => {
    const line = fc.stringMatching(/^[ -~é—]{0,12}$/)
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const given = `${lines.join('\n')}\n`
        const { text, verified, unknown } = await verifyNote(await signNote(given, log.signer), [log.verifier])
        expect(text).toBe(given)
        expect(verified).toHaveLength(1)
        expect(unknown).toHaveLength(0)
      }),
    )
  })

  test('ignore unknown keys, in whatever order they stand, and count a known one once', async () => {
    const note = parseNote(await signNote(text, log.signer, rotated.signer))
    const grease = { name: 'grease.example.org/x', keyId: '01020304', signature: new Uint8Array(40).fill(9) }
    const sameName = { ...grease, name: log.vkey.name }
    const sameId = { ...grease, keyId: log.vkey.keyId }
    const [first, second] = note.signatures
    const signatures = [grease, second!, sameName, first!, sameId, first!]
    const read = await verifyNote(formatNote({ text, signatures }), [log.verifier])
    expect(read.verified).toEqual([first])
    expect(read.unknown).toEqual([grease, second, sameName, sameId])
  })

  test('are refused whole when one known key fails, also beside one that holds', async () => {
    const note = parseNote(await signNote(text, log.signer, rotated.signer))
    note.signatures[1]!.signature[5]! ^= 1
    await expect(verifyNote(formatNote(note), [log.verifier, rotated.verifier])).rejects.toThrow('known key fails')
    await expect(verifyNote(formatNote(note), [log.verifier])).resolves.toMatchObject({ text })
  })

  test('without a known signature are refused', async () => {
    const note = await signNote(text, log.signer)
    await expect(verifyNote(note, [witness.verifier])).rejects.toThrow(NoteRefused)
    await expect(verifyNote(note, [])).rejects.toThrow('no known key')
  })

  test('with any character changed are not believed', async () => {
    const note = await signNote(text, log.signer)
    for (let i = 0; i < note.length; i++) {
      const altered = note.slice(0, i) + String.fromCharCode(note.charCodeAt(i) ^ 1) + note.slice(i + 1)
      await expect(verifyNote(altered, [log.verifier])).rejects.toThrow(/./)
    }
  })

  test.each([
    ['no final newline', (note: string) => note.slice(0, -1)],
    ['no signature', (note: string) => note.slice(0, note.indexOf('\n\n') + 2)],
    ['no empty line', (note: string) => note.replace('\n\n', '\n')],
    ['a carriage return', (note: string) => note.replace('\n', '\r\n')],
    ['a tab', (note: string) => `\t${note}`],
    ['a lone surrogate', (note: string) => `\ud800${note}`],
    ['a hyphen for the dash', (note: string) => note.replace('\u2014', '-')],
    ['two spaces', (note: string) => note.replace('\u2014 ', '\u2014  ')],
    ['a line behind the signatures', (note: string) => `${note}more\n`],
    ['a signature of no bytes', (note: string) => note.replace(/ [^ ]*\n$/, ' AQIDBA==\n')],
    ['loose base64', (note: string) => note.replace(/\n$/, '=\n')],
    ['too many signatures', (note: string) => note + note.slice(note.indexOf('\u2014')).repeat(100)],
    ['a length beyond reason', (note: string) => 'x'.repeat(1_000_000) + note],
  ])('with %s are malformed', async (_, spoil) => {
    const note = await signNote(text, log.signer)
    expect(() => parseNote(spoil(note))).toThrow(Malformed)
  })

  test('that are not UTF-8 are malformed', () => {
    expect(() => parseNote(Uint8Array.of(0xff, 0x0a, 0x0a))).toThrow(Malformed)
  })

  test('take further signature lines, and nothing else', async () => {
    const note = await signNote(text, log.signer)
    const signature = await cosigner(witness.signer, 7, witness.signer.sign).sign(utf8(text))
    const line = formatSignatureLine({ ...witness.signer, signature })
    const cosigned = addSignatureLines(note, line)
    expect((await verifyNote(cosigned, [log.verifier, witness.verifier])).verified).toHaveLength(2)
    expect(() => addSignatureLines(note, 'more\n')).toThrow(Malformed)
    expect(() => addSignatureLines(note, `\n${line}`)).toThrow(Malformed)
  })

  test('are not made of a text without a final newline, or under a name that is none', async () => {
    await expect(signNote('text', log.signer)).rejects.toThrow('ends in a newline')
    await expect(signNote(text, { ...log.signer, name: 'two words' })).rejects.toThrow('not a key name')
  })
})

describe('verifier keys', () => {
  test('read back, also when their base64 holds a plus', () => {
    let pluses = 0
    for (let fill = 0; fill < 64; fill++) {
      const line = formatVkey(keyPair('a.example.org', ED25519, fill).vkey)
      pluses += line.split('+').length > 3 ? 1 : 0
      expect(formatVkey(parseVkey(sha256, line))).toBe(line)
    }
    expect(pluses).toBeGreaterThan(0)
  })

  test.each(['', 'a', 'a+b', 'a+00000000', 'a+00000000+', '+00000000+AQ==', 'a+0000000G+AQ=='])('refuse %j', (line) => {
    expect(() => parseVkey(sha256, line)).toThrow(Malformed)
  })

  test('refuse the key ID of another key, name or type', () => {
    const line = formatVkey(log.vkey)
    expect(() => parseVkey(sha256, line.replace('test+', 'tesu+'))).toThrow('key ID')
    expect(() => parseVkey(sha256, formatVkey({ ...log.vkey, type: COSIGNATURE_V1 }))).toThrow('key ID')
  })

  test('of an unknown type are refused, and those of post-quantum keys read but not verified', () => {
    expect(() => vkeyOf(sha256, { name: 'a', type: 2, publicKey: new Uint8Array(32) })).toThrow('type of key')
    const quantum: Vkey = vkeyOf(sha256, { name: 'a', type: 6, publicKey: new Uint8Array(1312) })
    expect(parseVkey(sha256, formatVkey(quantum))).toEqual(quantum)
    expect(verifierOf(quantum, verifyEd25519)).toBeNull()
  })

  test('of a log list become cosignature keys with an identity of their own', () => {
    const key = asCosignatureKey(sha256, log.vkey)
    expect(key.type).toBe(COSIGNATURE_V1)
    expect(key.publicKey).toEqual(log.vkey.publicKey)
    expect(key.keyId).not.toBe(log.vkey.keyId)
    expect(asCosignatureKey(sha256, witness.vkey)).toBe(witness.vkey)
  })
})

describe('cosignatures', () => {
  test('hold for their text and time alone', async () => {
    const bytes = await cosigner(witness.signer, 1_790_000_002, witness.signer.sign).sign(utf8(text))
    expect(parseCosignature(bytes).timestamp).toBe(1_790_000_002)
    expect(await witness.verifier.verify(utf8(text), bytes)).toBe(true)
    expect(await witness.verifier.verify(utf8(`${text}\n`), bytes)).toBe(false)
    const later = bytes.with(7, bytes[7]! + 1)
    expect(await witness.verifier.verify(utf8(text), later)).toBe(false)
    expect(await witness.verifier.verify(utf8(text), bytes.subarray(1))).toBe(false)
    expect(await witness.verifier.verify(utf8(text), new Uint8Array(72).fill(0xff))).toBe(false)
  })

  test('are no plain signatures, and the other way round', async () => {
    const plain = await witness.signer.sign(utf8(text))
    expect(await witness.verifier.verify(utf8(text), plain)).toBe(false)
    expect(await log.verifier.verify(utf8(text), new Uint8Array(72))).toBe(false)
  })

  test('of no whole second are refused', () => {
    expect(() => cosignatureMessage(1.5, utf8(text))).toThrow('not a time')
    expect(() => cosignatureMessage(-1, utf8(text))).toThrow('not a time')
  })
})

describe('checkpoints', () => {
  test('read back as they were written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, root) => {
        const checkpoint = { origin: 'ledger.example.org/test', size, root }
        expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
      }),
    )
  })

  test.each([
    (checkpoint: string) => `${checkpoint}extension\n`,
    (checkpoint: string) => `${checkpoint}\n`,
    (checkpoint: string) => checkpoint.slice(0, -1),
    (checkpoint: string) => checkpoint.replace('\n6\n', '\n06\n'),
    (checkpoint: string) => checkpoint.replace('\n6\n', '\n+6\n'),
    (checkpoint: string) => checkpoint.replace('\n6\n', '\n9007199254740992\n'),
    (checkpoint: string) => checkpoint.replace('\n6\n', '\n\n'),
    (checkpoint: string) => checkpoint.replace('=', ''),
    (checkpoint: string) => checkpoint.replace(/^[^\n]+/, ''),
  ])('that break the format are refused (%#)', (spoil) => {
    expect(() => parseCheckpoint(spoil(text))).toThrow(Malformed)
  })

  test('are not written for what is no tree', () => {
    const good = { origin: 'ledger.example.org/test', size: 6, root }
    expect(() => formatCheckpoint({ ...good, size: -1 })).toThrow('tree size')
    expect(() => formatCheckpoint({ ...good, root: root.subarray(1) })).toThrow('not a root')
    expect(() => formatCheckpoint({ ...good, origin: 'a\nb' })).toThrow('origin')
  })

  test('keep the bytes of their root', () => {
    expect(hex(parseCheckpoint(text).root)).toBe(hex(root))
  })
})
