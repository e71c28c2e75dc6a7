import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { ED25519, formatCheckpoint, formatVkey, signNote, vkeyOf, type Trust } from '@careseal/ledger-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fsckExport } from '../src/fsck/fsck-export.js'
import { put, smallLedger, strangersVkey, vkey, writeExport } from '../src/fsck/small-export.fixture.js'
import { exportLedger } from '../src/ledger/export-ledger.js'
import { fileIn, startLogServer, type LogServer } from './log-server.js'

const temporary = () => mkdtempSync(join(tmpdir(), 'careseal-export-'))
let server: LogServer
let origin: string
let log: string
let folder: string
/** Requests for tiles since the test began; beyond `most` of them the ledger does not answer well. */
let asked: string[]
let most: number

beforeAll(async () => {
  server = await startLogServer((path) => {
    if (path.startsWith('tile/')) asked.push(path)
    return asked.length > most ? null : fileIn(log, path)
  })
  origin = server.origin
})
afterAll(() => server.close())
beforeEach(async () => {
  ;[log, folder, asked, most] = [temporary(), temporary(), [], Number.POSITIVE_INFINITY]
  await writeExport(log, smallLedger(3))
})
afterEach(() => [log, folder].forEach((path) => rmSync(path, { recursive: true, force: true })))

const run = (trust: Trust | null = null) => exportLedger({ origin, folder, trust, onProgress: () => {} })
const filesOf = (path: string) => {
  const all = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return all.map((entry) => join(entry.parentPath, entry.name).slice(path.length)).toSorted()
}
const isClean = () => {
  const note = readFileSync(join(folder, 'checkpoint'), 'utf8')
  return fsckExport({ folder, note, vkeys: [] }).clean
}

/** The checkpoint of a size that no log has, well signed by a key of the server's own. */
async function serveLie(): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  const key = vkeyOf(sha256, { name: 'ledger.example/fsck', type: ED25519, publicKey: raw })
  const text = formatCheckpoint({ origin: key.name, size: 9_007_199_254_740_000, root: sha256(raw) })
  rmSync(join(log, 'tile'), { recursive: true })
  put(log, 'vkey', `${formatVkey(key)}\n`)
  put(log, 'checkpoint', await signNote(text, { ...key, sign: (message) => sign(null, message, privateKey) }))
}

describe('an export of a ledger', () => {
  it('holds byte for byte what the ledger serves', async () => {
    expect(await run()).toEqual({ entries: 305, files: 5 })
    expect(filesOf(folder)).toEqual(filesOf(log))
    for (const file of filesOf(log)) expect(readFileSync(folder + file)).toEqual(readFileSync(log + file))
    expect(isClean()).toBe(true)
  })

  it('fetches nothing again, and what was partial only when the ledger has grown', async () => {
    await run()
    asked = []
    expect(await run()).toEqual({ entries: 305, files: 0 })
    expect(asked).toEqual([])
    await writeExport(log, smallLedger(6))
    await run()
    expect(asked).not.toContain('tile/entries/000')
    expect(existsSync(join(folder, 'tile', 'entries', '001.p'))).toBe(false)
    expect(isClean()).toBe(true)
  })

  it('goes on where it was stopped, and has no checkpoint before it has all that the checkpoint covers', async () => {
    most = 2
    await expect(run()).rejects.toThrow(/tile\/.*404/)
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
    ;[asked, most] = [[], Number.POSITIVE_INFINITY]
    await run()
    expect(asked.length).toBeLessThan(5)
    expect(isClean()).toBe(true)
  })

  it('verifies before it writes a checkpoint, and fetches anew what does not verify', async () => {
    const bundle = join(log, 'tile', 'entries', '000')
    const good = readFileSync(bundle)
    writeFileSync(bundle, good.with(300, good[300]! ^ 1))
    await expect(run()).rejects.toThrow(/NOT verified: block \d+, entry \d+/)
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
    writeFileSync(bundle, good)
    asked = []
    await run()
    expect(asked).toEqual(['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
    expect(isClean()).toBe(true)
  })

  it('finds a tile of hashes that its entries do not make', async () => {
    await run()
    const tile = join(folder, 'tile', '0', '000')
    const good = readFileSync(tile)
    writeFileSync(tile, good.with(0, good[0]! ^ 1))
    await expect(run()).rejects.toThrow(/tile\/0\/000 is not the one that the entries make/)
    await run()
    expect(readFileSync(tile)).toEqual(good)
  })

  it.each([10, 120, 230, 303])('heals a copy whose entry %i is damaged with the next run', async (entry) => {
    await run()
    const bundle = join(folder, 'tile', 'entries', entry < 256 ? '000' : join('001.p', '49'))
    const good = readFileSync(bundle)
    const at = smallLedger(3)
      .slice(entry < 256 ? 0 : 256, entry)
      .reduce((sum, { length }) => sum + 2 + length, 2)
    writeFileSync(bundle, good.with(at + 40, good[at + 40]! ^ 1))
    await expect(run()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('NOT verified') })
    await run()
    expect(readFileSync(bundle)).toEqual(good)
    expect(isClean()).toBe(true)
  })

  it('heals what only the header of a later bundle shows, with the tiles over it', async () => {
    const all = smallLedger(3)
    await writeExport(log, all.with(230, all[231]!))
    await expect(run()).rejects.toThrow(/NOT verified: block \d+, entry \d+/)
    await writeExport(log, all)
    await run()
    expect(isClean()).toBe(true)
  })

  it('names a bundle that is none, and heals it with the next run', async () => {
    await run()
    const bundle = join(folder, 'tile', 'entries', '000')
    const good = readFileSync(bundle)
    for (const bad of [good.with(0, 255), good.subarray(0, good.length - 1), Buffer.alloc(0)]) {
      writeFileSync(bundle, bad)
      await expect(run()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining('tile/entries/000') })
      await run()
      expect(readFileSync(bundle)).toEqual(good)
    }
  })

  it.each(['tile/entries/000', 'tile/0/000'])('writes no page that is served as %s', async (path) => {
    put(log, path, '<!doctype html><title>Welcome</title>')
    await expect(run()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining(path) })
    expect(existsSync(join(folder, path))).toBe(false)
  })

  it.each(['vkey', 'checkpoint'])('leaves the folder alone where the %s is that of no ledger', async (file) => {
    put(log, file, '<!doctype html><title>Welcome</title>')
    await expect(run()).rejects.toThrow(/is this the address of a ledger/)
    expect(readdirSync(folder)).toEqual([])
  })

  it.each([
    ['a key', { logVkeys: [vkey] }, { exitCode: 3, told: 'NOT verified: the checkpoint', askedMax: 0 }],
    ['nothing', null, { exitCode: 1, told: 'tile/entries/', askedMax: 8 }],
  ])('ends soon where a server lies about the size and %s is trusted', async (_case, trust, expected) => {
    await serveLie()
    const { exitCode, told, askedMax } = expected
    await expect(run(trust)).rejects.toMatchObject({ exitCode, message: expect.stringContaining(told) })
    expect(asked.length).toBeLessThanOrEqual(askedMax)
    // The folder is nobody's yet.
    expect(readdirSync(folder)).toEqual([])
    await writeExport(log, smallLedger(3))
    expect(await run({ logVkeys: [vkey] })).toMatchObject({ entries: 305 })
  })

  it('refuses a folder that holds another log, or anything else', async () => {
    put(folder, 'notes.txt', 'mine')
    await expect(run()).rejects.toThrow(/not empty and no export/)
    put(folder, 'vkey', `${strangersVkey}\n`)
    await expect(run()).rejects.toThrow(/holds another log/)
    expect(asked).toEqual([])
  })
})
