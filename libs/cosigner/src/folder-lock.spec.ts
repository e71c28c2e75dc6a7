import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockFolder } from './folder-lock.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'careseal-lock-'))))
afterEach(() => rmSync(folder, { recursive: true }))

// The same lock, taken by a program that holds it until it is killed.
const HOLD = `import { DatabaseSync } from 'node:sqlite'
  new DatabaseSync(process.argv[1]).exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  process.stdout.write('held')
  setInterval(() => {}, 1000)`

describe('the lock of a folder', () => {
  it('is held by one at a time', () => {
    const lock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(/another process is at work/)
    lock.release()
    lockFolder(folder).release()
  })

  it('is free again when its holder was killed', async () => {
    const args = ['--input-type=module', '-e', HOLD, join(folder, 'lock')]
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    expect(() => lockFolder(folder)).toThrow(/another process is at work/)
    const ended = new Promise((resolve) => holder.once('close', resolve))
    holder.kill('SIGKILL')
    await ended
    lockFolder(folder).release()
  })
})
