import { lockFolder, replaceDurably, verifyEd25519 } from '@careseal/cosigner'
import { hex, sha256 } from '@careseal/crypto'
import { encodeGenesis, firstLink, formatCheckpoint, nothingKnown, verifyCheckpoint } from '@careseal/ledger-core'
import { consistencyProof, merkleRoot, type Hash } from '@careseal/merkle'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { heldForLife } from './folder-turn.js'
import { formatLogKey, parseLogKey } from './log-key.js'
import { SignerFolder } from './signer-folder.js'
import { Signer } from './signer.js'
import { TombstoneStore } from './tombstone-store.js'

const ORIGIN = 'spec.careseal.example/signer'
const seed = new Uint8Array(32).fill(1)
const leaves = (count: number, salt = 0): Hash[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i, salt)))
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'careseal-signer-'))
  const folder = new SignerFolder(dir)
  const key = formatLogKey(ORIGIN, seed)
  await TombstoneStore.create(dir)
  await folder.createState(nothingKnown(sha256))
  await folder.createKey(key)
  const producers = { records: Buffer.from(firstLink(sha256, ORIGIN, 'records')).toString('hex') }
  const genesis = { origin: ORIGIN, logKeys: [parseLogKey(key).vkey], operators: [], producers, previous: null }
  await folder.createGenesis(Buffer.from(encodeGenesis(genesis)).toString())
})
afterEach(() => rm(dir, { recursive: true }))

type Asked = { origin?: string; oldSize?: number; vkeys?: string[] }

async function signTree(signer: Signer, hashes: Hash[], { origin = ORIGIN, ...asked }: Asked = {}) {
  const oldSize = asked.oldSize ?? (await signer.read()).signed.size
  const rangeHash = (start: number, end: number) => merkleRoot(sha256, hashes.slice(start, end))
  const grows = oldSize > 0 && oldSize < hashes.length
  const proof = grows ? await consistencyProof(oldSize, hashes.length, rangeHash) : []
  const text = formatCheckpoint({ origin, size: hashes.length, root: merkleRoot(sha256, hashes) })
  return signer.sign({ oldSize, proof, text, vkeys: asked.vkeys ?? [signer.vkey] })
}

describe('the signer', () => {
  it('signs with old and new key once a new one is prepared, and prepares no second one before that is used', async () => {
    const signer = await Signer.open(dir)
    const next = await signer.prepareKey([signer.vkey])
    expect(await (await Signer.open(dir)).prepareKey([signer.vkey])).toBe(next)
    const answer = await signTree(await Signer.open(dir), leaves(5), { vkeys: [signer.vkey, next] })
    const note = 'note' in answer ? answer.note : ''
    for (const vkey of [signer.vkey, next]) {
      expect(await verifyCheckpoint(note, { logVkeys: [vkey] }, { sha256, verifyEd25519 })).toMatchObject({ size: 5 })
    }
    expect(await signer.prepareKey([signer.vkey, next])).not.toBe(next)
  })

  it('signs with no key that it does not hold', async () => {
    const signer = await Signer.open(dir)
    const foreign = parseLogKey(formatLogKey(ORIGIN, new Uint8Array(32).fill(9))).vkey
    expect(await signTree(signer, leaves(5), { vkeys: [signer.vkey, foreign] })).toEqual({ refused: 'key-not-held' })
    expect(await signTree(signer, leaves(5), { vkeys: [] })).toEqual({ refused: 'key-not-held' })
    expect((await signer.read()).signed.size).toBe(0)
  })

  it('signs a growing tree with notes that verify', async () => {
    const signer = await Signer.open(dir)
    for (const size of [1, 2, 7, 64]) {
      const answer = await signTree(signer, leaves(size))
      const note = 'note' in answer ? answer.note : ''
      const checkpoint = await verifyCheckpoint(note, { logVkeys: [signer.vkey] }, { sha256, verifyEd25519 })
      expect(checkpoint).toMatchObject({ origin: ORIGIN, size })
    }
  })

  it('gives the same bytes for the same size and root, also after a restart', async () => {
    const first = await signTree(await Signer.open(dir), leaves(9))
    const again = await signTree(await Signer.open(dir), leaves(9))
    const third = await signTree(await Signer.open(dir), leaves(9), { oldSize: 9 })
    expect(again).toEqual(first)
    expect(third).toEqual(first)
  })

  it('has stored what it signs before anybody sees the signature', async () => {
    const signer = await Signer.open(dir)
    await signTree(signer, leaves(9))
    const stored = JSON.parse(await readFile(join(dir, 'signer-state.json'), 'utf8')) as { size: number }
    expect(stored.size).toBe(9)
    expect((await stat(join(dir, 'signer-state.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(dir, 'log.key'))).mode & 0o777).toBe(0o600)
  })

  it('refuses what does not continue the signed tree, after a restart too', async () => {
    await signTree(await Signer.open(dir), leaves(9))
    const signer = await Signer.open(dir)
    expect(await signTree(signer, leaves(5))).toEqual({ refused: 'old-size-beyond-size' })
    expect(await signTree(signer, leaves(9, 1))).toEqual({ refused: 'fork' })
    expect(await signTree(signer, leaves(12, 1))).toEqual({ refused: 'inconsistent' })
    expect(await signTree(signer, leaves(12), { oldSize: 5 })).toEqual({ conflict: 9 })
    expect(await signTree(signer, leaves(12), { origin: 'other.example' })).toEqual({ refused: 'origin-differs' })
    expect((await signer.read()).signed.size).toBe(9)
  })

  it('does not sign over what another process signed meanwhile', async () => {
    const [one, other] = [await Signer.open(dir), await Signer.open(dir)]
    await signTree(one, leaves(9))
    expect(await signTree(other, leaves(5), { oldSize: 0 })).toEqual({ conflict: 9 })
  })

  it('signs nothing while another process is between reading and writing: it would put an old memory back', async () => {
    const [stopped, other] = [await Signer.open(dir), await Signer.open(dir)]
    const folder = (stopped as unknown as { folder: SignerFolder }).folder
    const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const replace = folder.replaceState.bind(folder)
    vi.spyOn(folder, 'replaceState').mockImplementationOnce(async (tree) => {
      reached.resolve()
      await goOn.promise
      await replace(tree)
    })
    const late = signTree(stopped, leaves(9))
    await reached.promise
    const meanwhile = signTree(other, leaves(12), { oldSize: 0 })
    await delay(100)
    expect((await other.read()).signed.size).toBe(0)
    goOn.resolve()
    expect(await late).toHaveProperty('note')
    expect(await meanwhile).toEqual({ conflict: 9 })
    expect((await other.read()).signed.size).toBe(9)
  })

  it('is silent while another process holds its folder, and signs once that has ended', async () => {
    const signer = await Signer.open(dir)
    const lock = lockFolder(dir)
    await expect(signTree(signer, leaves(9))).rejects.toMatchObject({
      code: 'signer-silent',
      message: expect.stringContaining('another process is at work'),
    })
    expect(await signTree(await Signer.open(dir, heldForLife), leaves(9))).toHaveProperty('note')
    lock.release()
    expect(await signTree(signer, leaves(9))).toHaveProperty('note')
  })

  it('signs nothing while its memory cannot be written, and mends it before it signs', async () => {
    const signer = await Signer.open(dir)
    await signTree(signer, leaves(5))
    const folder = (signer as unknown as { folder: SignerFolder }).folder
    const replace = vi.spyOn(folder, 'replaceState').mockImplementationOnce(async (tree) => {
      await replaceDurably(join(dir, 'signer-state.json'), JSON.stringify({ ...tree, v: 1, root: hex(tree.root) }))
      throw new Error('EIO')
    })
    await expect(signTree(signer, leaves(9))).rejects.toThrow('EIO')
    expect(await signTree(signer, leaves(9), { oldSize: 5 })).toEqual({ conflict: 9 })
    expect(await signTree(signer, leaves(9))).toHaveProperty('note')
    expect(replace).toHaveBeenCalledTimes(2)
    expect(await signTree(signer, leaves(9))).toHaveProperty('note')
    expect(replace).toHaveBeenCalledTimes(2)
  })

  it('leaves nothing behind when a write fails', async () => {
    const signer = await Signer.open(dir)
    await mkdir(join(dir, 'taken.json', 'x'), { recursive: true })
    await expect(replaceDurably(join(dir, 'taken.json'), '{}')).rejects.toThrow('EISDIR')
    expect((await readdir(dir)).filter((name) => name.endsWith('.next'))).toEqual([])
    expect((await signer.read()).signed.size).toBe(0)
  })

  it('answers requests one after the other', async () => {
    const signer = await Signer.open(dir)
    const both = await Promise.all([signTree(signer, leaves(9)), signTree(signer, leaves(5))])
    expect(both).toEqual([{ note: expect.any(String) }, { conflict: 9 }])
  })

  it.each([
    ['signer-state.json', 'the signer state is missing'],
    ['log.key', 'key is missing'],
    ['genesis.json', 'genesis is missing'],
    ['tombstones.jsonl', 'tombstones are missing'],
    ['tombstones-head.json', 'tombstones are missing'],
  ])('does not open without its %s', async (file, message) => {
    await rm(join(dir, file))
    await expect(Signer.open(dir)).rejects.toThrow(message)
  })

  it.each([
    ['signer-state.json', '{"v":1,"size":-1,"root":"00"}', 'signer-state-broken'],
    ['signer-state.json', '{"v":1,"size":5', 'signer-state-broken'],
    ['log.key', formatLogKey(ORIGIN, seed).replace(/\+[0-9a-f]{8}\+/, '+00000000+'), 'key-broken'],
    ['log.key', formatLogKey(ORIGIN, new Uint8Array(32)), 'genesis-broken'],
    ['genesis.json', '{"genesis":{}}', 'genesis-broken'],
  ])('does not open with a %s that reads %s', async (file, content, code) => {
    await writeFile(join(dir, file), content)
    await expect(Signer.open(dir)).rejects.toMatchObject({ code })
  })

  it('goes on with a folder from before it kept tombstones, and from then on demands them', async () => {
    await Promise.all(['tombstones.jsonl', 'tombstones-head.json'].map((file) => rm(join(dir, file))))
    await writeFile(
      join(dir, 'signer-state.json'),
      JSON.stringify({ v: 1, size: 5, root: hex(merkleRoot(sha256, leaves(5))) }),
    )
    const signer = await Signer.open(dir)
    await (await signer.openTombstones()).add('records', [{ subjectId: 'somebody', key: null }])
    expect(await signTree(signer, leaves(9))).toHaveProperty('note')
    const again = await (await Signer.open(dir)).openTombstones()
    expect(again.list('records', 0, 10).tombstones).toHaveLength(1)
    await rm(join(dir, 'tombstones.jsonl'))
    await expect(Signer.open(dir)).rejects.toMatchObject({ code: 'tombstones-missing' })
  })
})
