import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fsckExport } from '../src/fsck/fsck-export.js'
import { put, smallLedger, strangersVkey, vkey, writeExport } from '../src/fsck/small-export.fixture.js'
import { importLedger } from '../src/ledger/import-ledger.js'
import { exportedLedger } from '../src/verify/ledger-source.js'

const temporary = () => mkdtempSync(join(tmpdir(), 'careseal-import-'))
let server: Server
let mirror: string
let source: string
let folder: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const file = join(source, request.url ?? '')
    if (!existsSync(file)) return void response.writeHead(404).end()
    response.end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())
beforeEach(async () => {
  ;[source, folder] = [temporary(), temporary()]
  await writeExport(source, smallLedger(9))
})
afterEach(() => [source, folder].forEach((path) => rmSync(path, { recursive: true, force: true })))

const run = async (from = source, trusted?: string) =>
  importLedger({
    source: await exportedLedger(from),
    folder,
    trust: trusted === undefined ? null : { logVkeys: [trusted] },
    onProgress: () => {},
  })
const filesOf = (path: string) => {
  const all = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = all.map((entry) => join(entry.parentPath, entry.name).slice(path.length)).toSorted()
  return Object.fromEntries(files.map((file) => [file, readFileSync(path + file).toString('base64')]))
}
const anotherFrom = (from: number) => (seq: number) => (seq < from ? `tag ${seq}` : `another story ${seq}`)
const held = () => Object.entries(filesOf(folder)).filter(([path]) => !path.startsWith('/evidence-'))
const evidence = () => Object.keys(filesOf(folder)).filter((path) => path.startsWith('/evidence-'))
const sizeIn = (file: string) => Number(readFileSync(join(folder, file), 'utf8').split('\n')[1])

describe('an import of a ledger', () => {
  it.each(['a folder', 'a mirror'])('from %s is byte for byte the export that it was', async (from) => {
    expect(await run(from === 'a folder' ? source : mirror, vkey)).toMatchObject({ ok: true })
    expect(filesOf(folder)).toEqual(filesOf(source))
    const note = readFileSync(join(folder, 'checkpoint'), 'utf8')
    expect(fsckExport({ folder, note, vkeys: [vkey] }).clean).toBe(true)
  })

  it('makes the tiles itself: those of the source are not asked for, and would not be believed', async () => {
    const whole = filesOf(source)
    rmSync(join(source, 'tile', '0'), { recursive: true })
    rmSync(join(source, 'vkey'))
    put(source, 'tile/1/000.p/3', 'something else')
    expect(await run()).toMatchObject({ ok: true })
    expect(filesOf(folder)).toEqual(whole)
  })

  it('takes a full bundle for a partial one', async () => {
    const [last] = readdirSync(join(source, 'tile', 'entries', '003.p'))
    cpSync(join(source, 'tile', 'entries', '003.p', last!), join(source, 'tile', 'entries', '003'))
    rmSync(join(source, 'tile', 'entries', '003.p'), { recursive: true })
    expect(await run(mirror)).toMatchObject({ ok: true })
  })

  it('has no checkpoint unless every entry verifies under the keys that are trusted', async () => {
    expect(await run(source, strangersVkey)).toMatchObject({ ok: false, fault: { code: 'checkpoint-refused' } })
    const bundle = join(source, 'tile', 'entries', '002')
    writeFileSync(bundle, readFileSync(bundle).with(500, 7))
    expect(await run()).toMatchObject({ ok: false })
    rmSync(bundle)
    expect(await run()).toMatchObject({ ok: false, fault: { code: 'block-unfinished' } })
    await expect(run(mirror)).rejects.toThrow('tile/entries/002: 404')
    expect(existsSync(join(folder, 'checkpoint'))).toBe(false)
  })

  it('leaves nothing in an empty folder, and a good copy as it is, when the source does not verify', async () => {
    const all = smallLedger(9)
    const swapped = all.with(300, all[301]!)
    await writeExport(source, swapped)
    expect(await run()).toMatchObject({ ok: false })
    expect(filesOf(folder)).toEqual({})
    await writeExport(source, all)
    await run()
    const good = filesOf(folder)
    await writeExport(source, swapped)
    expect(await run()).toMatchObject({ ok: false })
    expect(filesOf(folder)).toEqual(good)
  })

  it('replaces no file of a copy by other bytes, and names it', async () => {
    await run()
    const tile = join(folder, 'tile', '0', '001')
    writeFileSync(tile, readFileSync(tile).with(9, 7))
    const damaged = filesOf(folder)
    await expect(run()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining(tile) })
    expect(filesOf(folder)).toEqual(damaged)
  })

  it('removes what an import has left that was ended by force', async () => {
    put(folder, '.incoming/tile/entries/777', 'half')
    expect(await run()).toMatchObject({ ok: true })
    expect(filesOf(folder)).toEqual(filesOf(source))
  })

  it('is the only one into its folder: a second one is refused, and takes nothing from the first', async () => {
    const both = await Promise.allSettled([run(), run()])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(both[1]).toMatchObject({ reason: { exitCode: 1, message: expect.stringContaining('is importing into') } })
    expect(filesOf(folder)).toEqual(filesOf(source))
    expect(await run()).toMatchObject({ ok: true })
  })

  it('says how far it is while it takes files over, and gives others their turn', async () => {
    const told: string[] = []
    const timer = setInterval(() => told.push('a turn'), 0)
    const onProgress = (step: string, done: number, total: number) => void told.push(`${step} ${done}/${total}`)
    await importLedger({ source: await exportedLedger(source), folder, trust: null, onProgress })
    clearInterval(timer)
    const last = told.findLastIndex((each) => each.startsWith('files taken over'))
    expect(told[last]).toMatch(/ (\d+)\/\1$/)
    expect(told.slice(told.indexOf(told.find((each) => each.startsWith('files compared'))!), last)).toContain('a turn')
  })

  it('names the bundle of a source that is none', async () => {
    put(source, 'tile/entries/001', '<!doctype html>')
    for (const from of [source, mirror]) {
      await expect(run(from)).rejects.toMatchObject({
        exitCode: 3,
        message: expect.stringContaining('tile/entries/001'),
      })
    }
  })

  it('goes on in a folder that it left, and in none of another log, of a larger one, or of somebody', async () => {
    await run()
    expect(await run()).toMatchObject({ ok: true })
    await writeExport(source, smallLedger(2))
    await expect(run()).rejects.toThrow(/holds 911 entries already, and the source 204/)
    put(folder, 'checkpoint', 'another.example/log\n2\n')
    await expect(run()).rejects.toThrow(/holds another log/)
    rmSync(join(folder, 'checkpoint'))
    put(folder, 'notes.txt', 'mine')
    await expect(run()).rejects.toThrow(/not empty and no export/)
  })

  describe('into a folder that holds one', () => {
    it.each([
      ['in a full tile', 120, 12, vkey],
      ['inside the partial tile, which is full by now', 800, 12, vkey],
      ['in its last entries, by keys of its own', 890, 10, undefined],
      ['at the same size', 800, 9, vkey],
    ])('refuses a source that forked %s, and keeps both checkpoints', async (_where, from, blocks, trusted) => {
      await run()
      const before = held()
      await writeExport(source, smallLedger(blocks, anotherFrom(from)))
      for (const place of [source, mirror, source]) {
        const told = expect.stringMatching(/another history[^]*holds 911 entries[^]*keep the folder/)
        await expect(run(place, trusted)).rejects.toMatchObject({ exitCode: 3, message: told })
        expect(held()).toEqual(before)
      }
      expect(evidence().slice(0, 2).map(sizeIn)).toEqual([911, 2 + 101 * blocks])
      expect(evidence()).toHaveLength(blocks === 9 ? 3 : 2)
    })

    it('takes what the ledger has grown by', async () => {
      await run()
      await writeExport(source, smallLedger(12))
      expect(await run(mirror, vkey)).toMatchObject({ ok: true })
      expect(sizeIn('checkpoint')).toBe(1214)
      expect(evidence()).toEqual([])
    })

    it('compares with no checkpoint that is none, or that a stranger has signed', async () => {
      await run()
      const note = readFileSync(join(folder, 'checkpoint'), 'utf8')
      const unsigned = note.replace(/\n\n.*\n/, `\n\n\u2014 stranger.example ${'A'.repeat(92)}\n`)
      for (const bad of [note.slice(0, 40), unsigned]) {
        put(folder, 'checkpoint', bad)
        const before = filesOf(folder)
        const told = expect.stringContaining('name an empty folder')
        await expect(run()).rejects.toMatchObject({ exitCode: 3, message: told })
        expect(filesOf(folder)).toEqual(before)
      }
    })
  })
})
