import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needlesOf, searchBytes, searchFolder } from './canary.js'

const value = 'Zyxqua-Kanari-4711'
const needles = needlesOf([value])
const planted: [string, Buffer][] = [
  ['raw', Buffer.from(value)],
  ['hex', Buffer.from(Buffer.from(`a${value}b`).toString('hex'))],
  ['base64+0', Buffer.from(Buffer.from(value).toString('base64'))],
  ['base64+1', Buffer.from(Buffer.from(`x${value}y`).toString('base64'))],
  ['base64+2', Buffer.from(Buffer.from(`xy${value}z`).toString('base64'))],
  ['utf-16le', Buffer.from(value, 'utf16le')],
  ['utf-16be', Buffer.from(value, 'utf16le').swap16()],
]

describe('the canary search', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careseal-canary-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it.each(planted)('finds a planted value as %s', (encoding, bytes) => {
    const found = searchBytes('memory', Buffer.concat([Buffer.alloc(33, 1), bytes, Buffer.alloc(7, 2)]), needles)
    expect(found.map((finding) => finding.encoding)).toContain(encoding)
  })

  it('finds a value that lies across two pieces of a file', async () => {
    const file = Buffer.alloc((4 << 20) + 100, 0x20)
    file.write(value, (4 << 20) - 5)
    await writeFile(join(folder, 'large'), file)
    expect(await searchFolder(folder, needles)).toEqual([{ place: join(folder, 'large'), value, encoding: 'raw' }])
  })

  it('finds nothing where nothing is', () => {
    expect(searchBytes('memory', Buffer.from('Zyxqua-Kanari-4712'), needles)).toEqual([])
  })
})
