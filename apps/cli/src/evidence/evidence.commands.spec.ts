import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { ED25519, formatCheckpoint, formatEvidence, formatVkey, signNote, vkeyOf } from '@careseal/ledger-core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { run } from '../program.js'

const ORIGIN = 'ledger.example.org/one'

function logWith(fill: number | Uint8Array) {
  const seed = typeof fill === 'number' ? new Uint8Array(32).fill(fill) : fill
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))
  const vkey = vkeyOf(sha256, { name: ORIGIN, type: ED25519, publicKey })
  const signed = (salt: string) => {
    const text = formatCheckpoint({ origin: ORIGIN, size: 9, root: sha256(Buffer.from(salt)) })
    return signNote(text, { ...vkey, sign: (message) => sign(null, message, key) })
  }
  return { vkey: formatVkey(vkey), key: `${vkey.name}+${vkey.keyId}`, signed }
}

const log = logWith(1)
let folder: string
let file: string
let out: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-evidence-'))
  file = join(folder, 'fork.json')
  writeFileSync(file, await evidenceOf('one', 'other'))
  out = ''
  const write = (text: unknown) => ((out += String(text)), true)
  vi.spyOn(process.stdout, 'write').mockImplementation(write)
  vi.spyOn(process.stderr, 'write').mockImplementation(write)
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = 0
  rmSync(folder, { recursive: true })
})

async function evidenceOf(...salts: [string, string]): Promise<string> {
  return evidenceBy(log, salts)
}

async function evidenceBy({ vkey, signed }: ReturnType<typeof logWith>, salts: [string, string]): Promise<string> {
  const notes = (await Promise.all(salts.map(signed))) as [string, string]
  return formatEvidence({ kind: 'A', logKey: vkey, notes })
}

/** Two keys whose key IDs are the same for this name: found by trying seeds. */
function twins() {
  const [honest, forger] = [61_364, 146_589].map((number) => {
    const seed = Buffer.alloc(32)
    seed.writeUInt32BE(number, 28)
    return logWith(seed)
  })
  return { honest: honest!, forger: forger! }
}

async function verify(...options: string[]): Promise<{ code: number; out: string }> {
  process.exitCode = 0
  await run(['evidence', 'verify', file, ...options])
  return { code: Number(process.exitCode), out }
}

it('evidence of a fork is proven offline, names the key, and ends with 0', async () => {
  const ended = await verify()
  expect(ended.code).toBe(0)
  expect(ended.out).toContain(`MISBEHAVIOUR PROVEN: the key ${log.vkey} signed two roots of one size for ${ORIGIN}`)
})

it('evidence tells the same in JSON', async () => {
  const { code } = await verify('--json')
  expect([code, JSON.parse(out)]).toMatchObject([0, { proves: true, kind: 'A', key: log.key, vkey: log.vkey }])
})

it('evidence that proves nothing ends with 3', async () => {
  writeFileSync(file, await evidenceOf('one', 'one'))
  expect(await verify()).toMatchObject({ code: 3, out: expect.stringContaining('roots-agree') })
})

it('evidence against another key than the one that is asked about ends with 3', async () => {
  expect(await verify('--vkey', log.vkey)).toMatchObject({ code: 0 })
  expect(await verify('--vkey', logWith(2).vkey)).toMatchObject({ code: 3 })
})

it('evidence that another key of the same name and key ID made is none against the log that is asked about', async () => {
  const { honest, forger } = twins()
  expect(forger.key).toBe(honest.key)
  writeFileSync(file, await evidenceBy(forger, ['one', 'other']))
  expect(await verify('--vkey', honest.vkey)).toMatchObject({ code: 3, out: expect.stringContaining('another-key') })
  expect(await verify('--vkey', forger.vkey)).toMatchObject({ code: 0 })
})

it('a file that is no evidence ends with 2', async () => {
  writeFileSync(file, '{}')
  expect(await verify()).toMatchObject({ code: 2, out: expect.stringContaining('is no evidence of a fork') })
  file = join(folder, 'missing.json')
  expect(await verify()).toMatchObject({ code: 2 })
})
