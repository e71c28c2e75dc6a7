// What becomes of a folder that holds an export, and of the signed checkpoint in it, when the ledger is another one than
// it was: that checkpoint may be the only proof.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hex, sha256 } from '@careseal/crypto'
import { parseEvidence, parsePolicy, verifyEvidence, verifyLedger, type Trust } from '@careseal/ledger-core'
import { consistencyProof, leafHash, merkleRoot } from '@careseal/merkle'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkpointNote, put, smallLedger, strangersVkey, vkey, writeExport } from '../src/fsck/small-export.fixture.js'
import { exportLedger } from '../src/ledger/export-ledger.js'
import { exportedEntries } from '../src/verify/export-files.js'
import { PRIMITIVES } from '../src/verify/primitives.js'
import { fileIn, startLogServer, type LogServer } from './log-server.js'

const temporary = () => mkdtempSync(join(tmpdir(), 'careseal-held-'))
let server: LogServer
let origin: string
let log: string
let folder: string
/** What the server has: in files, and as the entries of which it gives proofs, unless it gives none. */
let served: Uint8Array[]
let givesProofs: boolean
/** Requests for tiles since the ledger was served; beyond `most` of them it does not answer well. */
let asked: string[]
let most: number

beforeAll(async () => {
  server = await startLogServer((path) => {
    if (path.startsWith('tile/')) asked.push(path)
    if (path.startsWith('proof/') && givesProofs) return proofOf(path)
    return asked.length > most ? null : fileIn(log, path)
  })
  origin = server.origin
})
afterAll(() => server.close())
beforeEach(async () => {
  ;[log, folder, givesProofs, most] = [temporary(), temporary(), true, Number.POSITIVE_INFINITY]
  await serve(smallLedger(3))
})
afterEach(() => [log, folder].forEach((path) => rmSync(path, { recursive: true, force: true })))

async function proofOf(path: string): Promise<string> {
  const { searchParams } = new URL(path, origin)
  const hashes = served.map((entry) => leafHash(sha256, entry))
  const rangeHash = (start: number, end: number) => merkleRoot(sha256, hashes.slice(start, end))
  const proof = await consistencyProof(Number(searchParams.get('old')), Number(searchParams.get('new')), rangeHash)
  return JSON.stringify({ proof: proof.map(hex) })
}

async function serve(entries: Uint8Array[]): Promise<void> {
  ;[served, asked] = [entries, []]
  rmSync(log, { recursive: true })
  await writeExport(log, entries)
}

const run = (trust: Trust | null = null) => exportLedger({ origin, folder, trust, onProgress: () => {} })
/** The same ledger with other entries from one on. */
const forkFrom = (from: number) => (seq: number) => (seq < from ? `tag ${seq}` : `another story ${seq}`)
const filesOf = (path: string) => {
  const all = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const names = all.map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1)).toSorted()
  return Object.fromEntries(names.map((name) => [name, hex(sha256(readFileSync(join(path, name))))]))
}
const isEvidence = (path: string) => path.startsWith('evidence-')
const heldFiles = () => Object.fromEntries(Object.entries(filesOf(folder)).filter(([path]) => !isEvidence(path)))
const evidence = () => Object.keys(filesOf(folder)).filter(isEvidence)
const sizeIn = (file: string) => Number(readFileSync(join(folder, file), 'utf8').split('\n')[1])
const verdict = (size: number) => {
  const checkpoint = readFileSync(join(folder, 'checkpoint'), 'utf8')
  return verifyLedger({ entries: exportedEntries(folder, size), checkpoint }, { ...PRIMITIVES })
}

/** Twice: what is refused once must not go through because of what the first run did. */
async function expectRefused(trust: Trust | null, ...told: string[]): Promise<void> {
  const before = heldFiles()
  for (const attempt of [1, 2]) {
    const refusal = await run(trust).catch((error: unknown) => error)
    expect(refusal, `attempt ${attempt}`).toMatchObject({ exitCode: 3 })
    for (const text of ['NOT verified', 'keep the folder', ...told])
      expect(refusal).toHaveProperty('message', has(text))
    expect(heldFiles()).toEqual(before)
  }
}
const has = (text: string) => expect.stringContaining(text)

async function proven(): Promise<unknown> {
  const proof = evidence().find((path) => path.endsWith('fork-evidence.json'))
  return proof && verifyEvidence(parseEvidence(readFileSync(join(folder, proof), 'utf8')), PRIMITIVES)
}

describe('an export into a folder that holds one', () => {
  it('refuses an older checkpoint, however well co-signed, and names both sizes', async () => {
    const older = smallLedger(2)
    const witness = await checkpointNote(older, 1_700_000_000)
    const policy = parsePolicy(sha256, `log ${vkey}\nwitness w ${witness.vkey}\nquorum w\n`)
    await run()
    await serve(older)
    put(log, 'checkpoint', witness.note)
    await expectRefused({ policy }, 'holds 305 entries', 'is of 204')
    expect(asked).toEqual([])
    expect(evidence().map(sizeIn)).toEqual([305, 204])
    expect(await verdict(305)).toMatchObject({ ok: true })
  })

  it('refuses another history of the same size, with evidence that anybody verifies', async () => {
    await run()
    await serve(smallLedger(3, forkFrom(290)))
    await expectRefused({ logVkeys: [vkey] }, 'another history', 'careseal evidence verify')
    expect(asked).toEqual([])
    expect(await proven()).toMatchObject({ proves: true, kind: 'A' })
  })

  it.each([
    ['inside the partial tile, which stays partial', 270, 4, null],
    ['inside the partial tile, which is full by now', 270, 5, null],
    ['inside the partial tile, where a key is trusted', 270, 5, { logVkeys: [vkey] }],
    ['in a full tile', 120, 5, null],
    ['in its last entries alone', 300, 9, { logVkeys: [vkey] }],
  ])('refuses a larger one that forked %s', async (_where, from, blocks, trust) => {
    await run()
    await serve(smallLedger(blocks, forkFrom(from)))
    const size = 2 + 101 * blocks
    await expectRefused(trust, 'holds 305 entries', `is of ${size}`)
    expect(evidence().slice(0, 2).map(sizeIn)).toEqual([305, size])
    expect(await proven()).toMatchObject({ proves: true, kind: 'B' })
    expect(await verdict(305)).toMatchObject({ ok: true })
    // When the ledger is itself again, nothing of the fork is in the way.
    await serve(smallLedger(9))
    expect(await run()).toMatchObject({ entries: 911 })
  })

  it('refuses a fork of a ledger that gives no proof, and keeps both checkpoints', async () => {
    await run()
    givesProofs = false
    await serve(smallLedger(5, forkFrom(120)))
    await expectRefused(null, 'another history')
    expect(evidence().map(sizeIn)).toEqual([305, 507])
  })

  it('refuses a fork where the folder ends with a full tile', async () => {
    await serve(smallLedger(38))
    expect(await run()).toMatchObject({ entries: 15 * 256 })
    await serve(smallLedger(41, forkFrom(3_000)))
    await expectRefused(null, 'holds 3840 entries', 'is of 4143')
    expect(await verdict(3840)).toMatchObject({ ok: true })
    await serve(smallLedger(41))
    expect(await run()).toMatchObject({ entries: 4143 })
  })

  it('refuses a fork that has healed a damaged copy with its own entries', async () => {
    await run()
    const note = readFileSync(join(folder, 'checkpoint'), 'utf8')
    const bundle = join(folder, 'tile/entries/000')
    writeFileSync(bundle, readFileSync(bundle).with(2_000, 7))
    await serve(smallLedger(5, forkFrom(10)))
    const refusals = []
    for (let attempt = 1; attempt <= 4; attempt++) refusals.push(await run().catch((error: Error) => error.message))
    expect(refusals.at(-1)).toEqual(has('another history'))
    expect(readFileSync(join(folder, 'checkpoint'), 'utf8')).toBe(note)
    await serve(smallLedger(9))
    for (let attempt = 1; attempt <= 4; attempt++) await run().catch(() => {})
    expect(await run()).toMatchObject({ entries: 911, files: 0 })
  })

  it('keeps what it holds whole where new files were damaged on their way, and accuses nobody', async () => {
    await run()
    const before = heldFiles()
    const entries = smallLedger(5)
    await serve(entries.with(400, entries[401]!))
    put(log, 'checkpoint', (await checkpointNote(entries, 1)).note)
    served = entries
    await expect(run()).rejects.toMatchObject({ exitCode: 3, message: has('behind the 305 entries held') })
    expect(filesOf(folder)).toMatchObject(before)
    await serve(entries)
    expect(await run()).toMatchObject({ entries: 507 })
    expect(evidence()).toEqual([])
    expect(heldFiles()).toMatchObject(filesOf(log))
  })

  it('is still an export of its size while it grows, and goes on after an interruption', async () => {
    await run()
    await serve(smallLedger(9))
    most = 4
    await expect(run()).rejects.toThrow(/tile\/.*404/)
    expect(await verdict(305)).toMatchObject({ ok: true })
    expect(existsSync(join(folder, 'tile/entries/001.p/49'))).toBe(true)
    const fetched = asked.slice(0, most)
    ;[asked, most] = [[], Number.POSITIVE_INFINITY]
    expect(await run()).toMatchObject({ entries: 911 })
    expect(asked.filter((path) => fetched.includes(path))).toEqual([])
    expect(heldFiles()).toMatchObject(filesOf(log))
  })

  it.each([
    ['that is none', 'checkpoint', 'half a checkp'],
    ['that is empty', 'checkpoint', ''],
    ['that none of the keys has signed', 'vkey', `${strangersVkey}\n`],
  ])('compares with no checkpoint %s, and says what to do', async (_which, file, content) => {
    await run()
    await serve(smallLedger(5))
    for (const path of file === 'vkey' ? [folder, log] : [folder]) put(path, file, content)
    const before = filesOf(folder)
    await expect(run()).rejects.toMatchObject({ exitCode: 3, message: has('name an empty folder') })
    expect(filesOf(folder)).toEqual(before)
    expect(asked).toEqual([])
  })
})
