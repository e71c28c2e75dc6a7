import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDataDir, type DataDir } from './data-dir.js'
import { underStartLock } from './start-lock.js'

let dataDir: DataDir
beforeEach(() => {
  dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-lock-')))
})
afterEach(() => rmSync(dataDir.root, { recursive: true }))

const started = () => Promise.resolve('started')
const lock = () => dataDir.path('starting.pid')

describe('a start', () => {
  it('is the only one on its data folder while it lasts', async () => {
    let begun = 0
    const first = underStartLock(dataDir, async () => {
      begun += 1
      await expect(underStartLock(dataDir, async () => (begun += 1))).rejects.toThrow(
        `being started on ${dataDir.root} already (process ${process.pid})`,
      )
      return 'first'
    })
    expect([await first, begun, existsSync(lock())]).toEqual(['first', 1, false])
    expect(await underStartLock(dataDir, started)).toBe('started')
  })

  it('makes room when it fails', async () => {
    const failed = underStartLock(dataDir, () => Promise.reject(new Error('no room')))
    await expect(failed).rejects.toThrow('no room')
    expect(await underStartLock(dataDir, started)).toBe('started')
  })

  it.each([
    ['of a process that has ended', () => String(spawnSync('true').pid)],
    ['of a process whose number another has by now', () => `${process.pid} an-earlier-run/1`],
    ['that holds nonsense', () => 'nonsense'],
    ['that holds nothing', () => ''],
  ])('takes over a lock %s', async (_case, content) => {
    writeFileSync(lock(), content())
    expect(await underStartLock(dataDir, started)).toBe('started')
  })
})
