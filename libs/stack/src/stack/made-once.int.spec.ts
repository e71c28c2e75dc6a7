import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cacheDir, madeOnce } from './made-once.js'

const home = mkdtempSync(join(tmpdir(), 'careseal-cache-'))
beforeEach(() => void vi.stubEnv('XDG_CACHE_HOME', home))
afterEach(() => vi.unstubAllEnvs())
afterAll(() => rmSync(home, { recursive: true }))

/** A pid that nobody has. */
const GONE = 2 ** 22 + 1

describe('what is made once', () => {
  it('is made by one, and waited for by whoever comes meanwhile', async () => {
    let times = 0
    const make = async (dir: string) => {
      times++
      await delay(200)
      writeFileSync(join(dir, 'made'), '')
    }
    const paths = await Promise.all([1, 2, 3].map(() => madeOnce('together', make)))
    expect([times, new Set(paths).size]).toEqual([1, 1])
    expect(existsSync(join(paths[0] ?? '', 'made'))).toBe(true)
  })

  it('is made by the next one where the first failed', async () => {
    await expect(madeOnce('failing', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room')
    expect(readdirSync(cacheDir()).filter((name) => name.startsWith('failing'))).toEqual([])
    await madeOnce('failing', async () => undefined)
  })

  it('goes once a dozen others were used after it, and nobody lately', async () => {
    const names = Array.from({ length: 16 }, (_, n) => `old-${n}`)
    for (const [n, name] of names.entries()) {
      const dir = await madeOnce(name, async () => undefined)
      utimesSync(join(dir, '.whole'), 0, 1_000_000 + n)
    }
    await madeOnce('newest', async () => undefined)
    const left = readdirSync(cacheDir()).filter((name) => name.startsWith('old-'))
    expect([left.includes('old-0'), left.includes('old-15')]).toEqual([false, true])
  })

  it('is made anew where a process died in the midst of it', async () => {
    mkdirSync(join(cacheDir(), 'half'), { recursive: true })
    writeFileSync(join(cacheDir(), 'half', 'stale'), '')
    writeFileSync(join(cacheDir(), 'half.lock'), String(GONE))
    const dir = await madeOnce('half', async (work) => writeFileSync(join(work, 'new'), ''))
    expect(readdirSync(dir).toSorted()).toEqual(['.whole', 'new'])
  })

  it('leaves nothing half made behind, whatever its name was', async () => {
    for (const name of ['gone', 'held']) mkdirSync(join(cacheDir(), `${name}.work`), { recursive: true })
    writeFileSync(join(cacheDir(), 'gone.lock'), String(GONE))
    writeFileSync(join(cacheDir(), 'held.lock'), String(process.pid))
    await madeOnce('after', async () => undefined)
    const left = readdirSync(cacheDir()).filter((name) => /^(gone|held)/.test(name))
    expect(left.toSorted()).toEqual(['held.lock', 'held.work'])
  })
})
