// The lock between processes, one of which is killed while it holds it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Adds one to the number in a file, again and again, each time under the lock. */
const ADDER = `
import { readFileSync, writeFileSync } from 'node:fs'
import { withLock } from '${join(import.meta.dirname, '..', 'dist', 'folder-lock.js')}'
const [, file, times] = process.argv
for (let time = 0; time < Number(times); time++) {
  await withLock(file + '.lock', { what: 'adding', waitMs: 60_000 }, async () => {
    const before = Number(readFileSync(file, 'utf8'))
    await new Promise((resolve) => setTimeout(resolve, 2))
    writeFileSync(file, String(before + 1))
    console.log('added')
  })
}
`

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-lock-'))
  file = join(folder, 'number')
  writeFileSync(file, '0')
})
afterEach(() => rmSync(folder, { recursive: true }))

const adder = (times: number) =>
  spawn(process.execPath, ['--input-type=module', '-e', ADDER, file, String(times)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

describe('a lock between processes', () => {
  it('loses no change of three at once, nor stands in the way after one was killed', async () => {
    const killed = adder(100_000)
    let added = 0
    killed.stdout.on('data', (lines: Buffer) => (added += lines.toString().split('\n').length - 1))
    await once(killed.stdout, 'data')
    const others = [adder(30), adder(30)]
    for (const { stdout } of others) stdout.resume()
    const ends = others.map((other) => once(other, 'exit'))
    await once(others[0]!.stdout, 'data')
    killed.kill('SIGKILL')
    await once(killed, 'close')
    expect((await Promise.all(ends)).flat()).toEqual([0, null, 0, null])
    // The last addition of the one that was killed may be there without having been told.
    expect([0, 1]).toContain(Number(readFileSync(file, 'utf8')) - added - 60)
    expect(readdirSync(folder)).toEqual(['number'])
  })
})
