import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { holderOf, isRunning, startOf, takePidFile } from './pid-file.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-pid-'))
  file = join(folder, 'one.pid')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a process', () => {
  it('runs while it lives, and is told from an earlier one with its number', () => {
    expect([isRunning(process.pid), isRunning(process.pid, startOf(process.pid))]).toEqual([true, true])
    expect(isRunning(process.pid, 'an-earlier-run/1')).toBe(false)
    expect(isRunning(spawnSync('true').pid)).toBe(false)
  })

  it.runIf(existsSync('/proc/self/stat'))('is told from its parent, which began before it', () => {
    expect(startOf(process.pid)).toMatch(/^[0-9a-f-]{36}\/\d+$/)
    expect(startOf(process.pid)).not.toBe(startOf(1))
  })
})

describe('a file that names a process', () => {
  it('is had by one, and holds its number and start alone', () => {
    expect([takePidFile(file), takePidFile(file), holderOf(file)]).toEqual([true, false, process.pid])
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid} ${startOf(process.pid)}`)
    expect(readdirSync(folder)).toEqual(['one.pid'])
  })

  it('of an older version counts while a process has the number', () => {
    writeFileSync(file, String(process.pid))
    expect([holderOf(file), takePidFile(file)]).toEqual([process.pid, false])
  })

  it('is had by nobody where it is not there, and cannot be had where there is no folder', () => {
    expect(holderOf(file)).toBe(null)
    expect(() => takePidFile(join(file, 'in'))).toThrow('ENOENT')
  })
})
