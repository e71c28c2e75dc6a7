// `careseal verify` and `receipt verify` as a verifier has them: a process, its own folders, and ledgers that change.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { base64, canonicalBytes, eventCommitment, hex, sha256 } from '@careseal/crypto'
import {
  formatTlogProof,
  leafEntryHash,
  parseEvidence,
  verifyEvidence,
  type Leaf,
  type Receipt,
} from '@careseal/ledger-core'
import { inclusionProof, leafHash, merkleRoot } from '@careseal/merkle'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkpointNote, origin, put, smallLedger, vkey, writeExport } from '../src/fsck/small-export.fixture.js'
import { PRIMITIVES } from '../src/verify/primitives.js'

type Ended = { code: number | null; stdout: string; stderr: string }

let own: string
let folder: string
beforeEach(() => {
  own = mkdtempSync(join(tmpdir(), 'careseal-verifier-'))
  folder = join(own, 'export')
})
afterEach(() => rmSync(own, { recursive: true, force: true }))

function careseal(...args: string[]): Promise<Ended> {
  const bin = join(import.meta.dirname, '..', 'bin', 'careseal.mjs')
  const env = {
    ...process.env,
    NO_COLOR: '1',
    XDG_CONFIG_HOME: join(own, 'config'),
    XDG_STATE_HOME: join(own, 'state'),
    CARESEAL_DATA_DIR: join(own, 'data'),
  }
  const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const told = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (told.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (told.stderr += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...told })))
}

const verify = (...args: string[]) => careseal('verify', '--export', folder, ...args)
const check = (...args: string[]) => careseal('receipt', 'verify', join(own, 'receipt.json'), ...args)
const json = <T>({ stdout }: Ended) => JSON.parse(stdout) as T
const tagsOf = (story: string, from: number) => (seq: number) => (seq < from ? `tag ${seq}` : `${story} ${seq}`)

// Each command is a process of its own, which takes seconds on a machine that does something else as well.
const patience = { timeout: 240_000 }

describe('verify', patience, () => {
  it('remembers what it saw, and says what came since', async () => {
    await writeExport(folder, smallLedger(3))
    expect(await verify()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verified: 305 entries in 4 blocks.*no cosignature counted/),
    })
    expect(json(await verify('--json'))).toMatchObject({ ok: true, since: 'unchanged', lastVisit: { size: 305 } })
    await writeExport(folder, smallLedger(5))
    expect(json(await verify('--json'))).toMatchObject({ ok: true, since: 'grown', lastVisit: { size: 305 } })
    expect((await verify()).stdout).toContain('it holds the 507 entries seen on ')
    expect(json(await verify('--json', '--no-memory'))).toMatchObject({ since: 'first-visit', lastVisit: null })
  })

  it('finds a ledger that has shrunk, though all of it verifies, and keeps both checkpoints', async () => {
    await writeExport(folder, smallLedger(3))
    await verify()
    rmSync(folder, { recursive: true })
    await writeExport(folder, smallLedger(2))
    const shrunk = await verify('--json')
    const { fault, evidence } = json<{ fault: object; evidence: { files: string[]; proof: null } }>(shrunk)
    expect([shrunk.code, fault]).toMatchObject([
      3,
      { code: 'history-shrank', earlier: { size: 305 }, now: { size: 204 } },
    ])
    expect(evidence.files.map((file) => readFileSync(file, 'utf8').split('\n')[1])).toEqual(['305', '204'])
    expect(evidence.proof).toBeNull()
    // It is not forgotten by being told.
    expect((await verify()).code).toBe(3)
    expect((await verify('--no-memory')).code).toBe(0)
  })

  it('finds another history of the same size, with evidence that anybody verifies', async () => {
    await writeExport(folder, smallLedger(3))
    await verify()
    await writeExport(folder, smallLedger(3, tagsOf('another story', 250)))
    const forked = await verify('--json')
    const { fault, evidence } = json<{ fault: object; evidence: { proof: string } }>(forked)
    expect([forked.code, fault]).toMatchObject([3, { code: 'history-forked' }])
    const verdict = await verifyEvidence(parseEvidence(readFileSync(evidence.proof, 'utf8')), PRIMITIVES)
    expect(verdict).toMatchObject({ proves: true, kind: 'A', origin })
  })

  it('finds another history that has grown since', async () => {
    await writeExport(folder, smallLedger(3))
    await verify('--memory', join(own, 'seen.json'))
    await writeExport(folder, smallLedger(5, tagsOf('another story', 120)))
    const forked = await verify('--memory', join(own, 'seen.json'))
    expect([forked.code, forked.stdout]).toEqual([3, expect.stringContaining('has another history than on')])
    expect(readdirSync(join(own, 'seen.evidence-305-507')).toSorted()).toEqual(['checkpoint-earlier', 'checkpoint-now'])
    expect(existsSync(join(own, 'state'))).toBe(false)
  })

  it('names a bundle that is cut off inside an entry, and ends as for anything that does not verify', async () => {
    await writeExport(folder, smallLedger())
    const bundle = join(folder, 'tile/entries/000')
    writeFileSync(bundle, readFileSync(bundle).subarray(0, 999))
    expect(await verify()).toMatchObject({ code: 3, stderr: expect.stringContaining('tile/entries/000 is damaged') })
  })

  it('demands a fresh cosignature where it is told to', async () => {
    const entries = smallLedger(1)
    await writeExport(folder, entries)
    const signed = async (secondsAgo: number) => {
      const witness = await checkpointNote(entries, Math.floor(Date.now() / 1000) - secondsAgo)
      put(folder, 'checkpoint', witness.note)
      put(own, 'policy', `log ${vkey}\nwitness w ${witness.vkey}\nquorum w\n`)
      return verify('--policy', join(own, 'policy'), '--max-age', '10m', '--json')
    }
    expect(json(await signed(5))).toMatchObject({ ok: true, cosignatures: 1 })
    const old = await signed(3_000)
    expect([old.code, json(old)]).toMatchObject([3, { fault: { code: 'checkpoint-too-old', maxAgeSeconds: 600 } }])
    expect(await verify('--max-age', '10m')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('needs a policy'),
    })
    expect((await verify('--max-age', 'soon')).code).toBe(2)
  })

  it('is quiet when told to, and names a ledger that cannot be reached by its exit code', async () => {
    await writeExport(folder, smallLedger(1))
    expect(await verify('--quiet')).toMatchObject({ code: 0, stderr: '' })
    expect(await careseal('verify', '--export', 'http://127.0.0.1:9', '--quiet')).toMatchObject({ code: 4, stdout: '' })
    expect((await careseal('verify', '--origin', 'http://127.0.0.1:9')).code).toBe(4)
  })

  it('believes the policy that was pinned', async () => {
    await writeExport(folder, smallLedger(1))
    put(own, 'other', `log ${vkey}\nwitness w ${(await checkpointNote(smallLedger(1), 1)).vkey}\nquorum w\n`)
    expect(json(await careseal('policy', 'pin', join(own, 'other'), '--json'))).toEqual({ origins: [origin] })
    const refused = await verify('--json')
    expect([refused.code, json(refused)]).toMatchObject([3, { fault: { detail: 'quorum-not-met' } }])
    expect((await careseal('policy', 'show', origin)).stdout).toContain('quorum w')
    expect((await careseal('policy', 'unpin', origin)).code).toBe(0)
    expect((await verify()).code).toBe(0)
    expect((await careseal('policy', 'show', origin)).code).toBe(2)
    put(own, 'other', `witness w ${(await checkpointNote(smallLedger(1), 1)).vkey}\nquorum w\n`)
    const ofNoLog = await careseal('policy', 'pin', join(own, 'other'))
    expect(ofNoLog).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('names no log') })
  })
})

/** A receipt of an event that stands on a small ledger in place of its leaf 50. */
async function receiptOnLedger(): Promise<{ receipt: Receipt; entries: Uint8Array[] }> {
  const type = 'AccountClosed'
  const body = canonicalBytes({ id: 'event-1', type, time: '2026-07-01T00:00:00.000Z', data: {} })
  const opening = new Uint8Array(32).fill(9)
  const commitment = hex(eventCommitment(opening, type, body))
  const entries = smallLedger(2, undefined, (seq) => (seq === 50 ? commitment : undefined))
  const index = 51
  const { leaf } = JSON.parse(Buffer.from(entries[index]!).toString()) as { leaf: Leaf }
  const hashes = entries.map((entry) => leafHash(sha256, entry))
  expect(hex(leafEntryHash(sha256, leaf))).toBe(hex(hashes[index]!))
  const proof = await inclusionProof(index, hashes.length, (start, end) => merkleRoot(sha256, hashes.slice(start, end)))
  await writeExport(folder, entries)
  const checkpoint = readFileSync(join(folder, 'checkpoint'), 'utf8')
  const event = { type, body: base64(body), opening: hex(opening) }
  return { receipt: { v: 1, event, leaf, proof: formatTlogProof({ index, proof, checkpoint }) }, entries }
}

describe('receipt verify', patience, () => {
  it('verifies under a policy or a key of the verifier’s own, and says so when there is none', async () => {
    const { receipt } = await receiptOnLedger()
    put(own, 'receipt.json', JSON.stringify(receipt))
    put(own, 'policy', `log ${vkey}\nquorum none\n`)
    const bare = await check()
    expect([bare.code, bare.stdout]).toEqual([1, expect.stringMatching(/^unverified policy: the receipt is whole/)])
    expect(json(await check('--json'))).toMatchObject({ ok: false, reason: 'unverified-policy', claims: { index: 51 } })
    for (const trusted of [
      ['--policy', join(own, 'policy')],
      ['--vkey', vkey],
    ]) {
      expect(await check(...trusted)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^verified: AccountClosed/),
      })
    }
    await careseal('policy', 'pin', join(own, 'policy'))
    expect((await check()).code).toBe(0)
  })

  it('refuses what is not true of the ledger, with and without a policy', async () => {
    const { receipt } = await receiptOnLedger()
    put(own, 'receipt.json', JSON.stringify({ ...receipt, leaf: { ...receipt.leaf, seq: 51 } }))
    for (const trusted of [[], ['--vkey', vkey]]) {
      expect(json(await check('--json', ...trusted))).toEqual({ ok: false, reason: 'inclusion-wrong' })
      expect((await check(...trusted)).code).toBe(3)
    }
  })

  it('shows nothing of an event that is not opened', async () => {
    const { receipt } = await receiptOnLedger()
    put(own, 'receipt.json', JSON.stringify({ ...receipt, event: { type: receipt.event.type } }))
    const closed = await check('--vkey', vkey)
    expect([closed.code, closed.stdout]).toEqual([0, expect.stringContaining('whose event is not opened')])
  })

  it('counts keys by the sizes that verify read from the ledger', async () => {
    const { receipt } = await receiptOnLedger()
    put(own, 'receipt.json', JSON.stringify(receipt))
    const memory = join(own, 'seen.json')
    await verify('--memory', memory)
    expect((await check('--vkey', vkey, '--memory', memory)).code).toBe(0)
    const visit = JSON.parse(readFileSync(memory, 'utf8')) as { keys: object[] }
    const stolen = { ...visit, keys: [{ ...visit.keys[0], untilSize: 100, reason: 'stolen' }] }
    put(own, 'seen.json', JSON.stringify(stolen))
    expect(json(await check('--vkey', vkey, '--memory', memory, '--json'))).toEqual({
      ok: false,
      reason: 'checkpoint-key-not-valid',
    })
    const missing = await check('--vkey', vkey, '--memory', `${memory}x`)
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('seen.jsonx') })
    put(own, 'seen.json', JSON.stringify({ ...stolen, origin: 'another.example/log' }))
    const another = await check('--vkey', vkey, '--memory', memory)
    expect(another).toMatchObject({ code: 2, stderr: expect.stringContaining('another.example/log') })
  })
})
