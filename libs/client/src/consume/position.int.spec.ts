import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { positionFile } from './position.js'

const folder = mkdtempSync(join(tmpdir(), 'careseal-position-'))
afterAll(() => rmSync(folder, { recursive: true }))

const place = { consent: { seq: 7, link: 'a'.repeat(64) } }

function openOnFullDevice(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/full'
    } catch {
      return false
    }
  }).length
}

describe('a position in a file', () => {
  it('is what was saved last, and null before', async () => {
    const positions = positionFile(join(folder, 'below', 'kept.json'))
    expect(await positions.load()).toBeNull()
    await positions.save(place)
    expect(await positions.load()).toEqual(place)
  })

  it.each(['', '{"consent":{"seq":7,"li', '[]', 'null', '{"consent":{"seq":"7","link":""}}'])(
    'that is broken is refused with its path and the mend: %j',
    async (text) => {
      const path = join(folder, 'broken.json')
      writeFileSync(path, text)
      await expect(positionFile(path).load()).rejects.toMatchObject({
        code: 'position-unreadable',
        message: expect.stringMatching(/broken\.json .* remove it/),
      })
    },
  )

  it('that cannot be written leaves no file open', async () => {
    const path = join(folder, 'full.json')
    symlinkSync('/dev/full', `${path}.new`)
    await expect(positionFile(path).save(place)).rejects.toThrow('ENOSPC')
    expect(openOnFullDevice()).toBe(0)
  })
})
