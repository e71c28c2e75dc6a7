import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from './folder-lock.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'careseal-lock-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const path = () => join(folder, 'list.json.lock')
const options = { what: 'changing the list', waitMs: 10_000 }
const done = () => withLock(path(), options, () => 'done')

describe('a lock', () => {
  it('lets one work after the other, also where many come at once', async () => {
    let [running, most] = [0, 0]
    const work = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
    }
    await Promise.all(Array.from({ length: 8 }, () => withLock(path(), options, work)))
    expect([most, readdirSync(folder)]).toEqual([1, []])
  })

  it('is free again after work that fails', async () => {
    const failed = withLock(path(), options, () => Promise.reject(new Error('no room')))
    await expect(failed).rejects.toThrow('no room')
    expect([await done(), readdirSync(folder)]).toEqual(['done', []])
  })

  it('is none for another path, though it begins alike', async () => {
    await withLock(path(), options, async () => {
      const other = { what: 'changing another', waitMs: 0 }
      expect(await withLock(`${path()}.bak`, other, () => 'done')).toBe('done')
      expect(await withLock(join(folder, 'list.json'), other, () => 'done')).toBe('done')
    })
  })

  it('names for whom it waits, first as a note, then as a failure', async () => {
    const notes: string[] = []
    await withLock(path(), options, async () => {
      const late = { what: 'changing the list', waitMs: 1200, onWait: (line: string) => void notes.push(line) }
      await expect(withLock(path(), late, () => 'done')).rejects.toMatchObject({
        exitCode: 1,
        message: `process ${process.pid} is changing the list: wait for it or end it, and repeat`,
      })
    })
    expect(notes).toEqual([`process ${process.pid} is changing the list: waiting for it`])
    expect(await done()).toBe('done')
  })

  it('takes no heed of a process that has ended', async () => {
    writeFileSync(path(), String(spawnSync('true').pid))
    expect(await withLock(path(), { ...options, waitMs: 0 }, () => 'done')).toBe('done')
    expect(readdirSync(folder)).toEqual([])
  })
})
