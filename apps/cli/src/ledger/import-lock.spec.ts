import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { begunOf, LOCK, underImportLock } from './import-lock.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-import-lock-'))
  file = join(folder, LOCK)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Beyond what any system gives. */
const NOBODY = 2 ** 31 - 2
const run = () => underImportLock(folder, async () => 'done')
const lockOf = (holder: object) => {
  const ours = { host: hostname(), pid: process.pid, begun: begunOf(process.pid) }
  writeFileSync(file, JSON.stringify({ ...ours, ...holder }))
}

describe('the lock of an import', () => {
  it('is held while the work is under way, and gone after it, also where it fails', async () => {
    const inner = underImportLock(folder, async () => {
      await expect(run()).rejects.toMatchObject({
        exitCode: 1,
        message: expect.stringContaining(`process ${process.pid} on`),
      })
      return existsSync(file)
    })
    expect(await inner).toBe(true)
    expect(existsSync(file)).toBe(false)
    await expect(underImportLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await run()).toBe('done')
  })

  it.each([
    ['a process that has ended', { pid: NOBODY }],
    ['a process that has ended, where nobody can say when it began', { pid: NOBODY, begun: null }],
    ['a process whose number a stranger has now', { begun: 'another start/1' }],
  ])('of %s counts for nothing', async (_whose, holder) => {
    lockOf(holder)
    expect(await run()).toBe('done')
    expect(existsSync(file)).toBe(false)
  })

  it('of another machine counts, and is named, for nobody here can look there', async () => {
    lockOf({ host: 'other.example', pid: NOBODY })
    await expect(run()).rejects.toThrow(`remove ${file}`)
    expect(existsSync(file)).toBe(true)
  })

  it.each(['', '{', 'null', '{"host":"a","pid":-1}'])('that cannot be read (%j) counts, and stays', async (text) => {
    writeFileSync(file, text)
    await expect(run()).rejects.toThrow(`remove ${file}`)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })
})
