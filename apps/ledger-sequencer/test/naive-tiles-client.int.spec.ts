// The naive client itself, against a log that somebody else made: data of others, not part of this repository.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readTree, type FetchPath } from './naive-tiles-client.js'

const folder = fileURLToPath(new URL('../../../../shared/vectors/tessera-testlog/', import.meta.url))

const fromFolder: FetchPath = async (path) => (existsSync(folder + path) ? readFileSync(folder + path) : null)

describe.skipIf(!existsSync(folder))('the naive reader of tiles', () => {
  it('rebuilds every published tree of the Tessera test log from its tiles', async () => {
    for (let size = 1; size <= 15; size++) {
      const [, told, root] = readFileSync(`${folder}checkpoint.${size}`, 'utf8').split('\n')
      expect(Number(told)).toBe(size)
      expect((await readTree(fromFolder, size, Buffer.from(root!, 'base64'))).entries).toHaveLength(size)
    }
  })

  it('refuses a tile in which one bit is another', async () => {
    const [, , root] = readFileSync(`${folder}checkpoint.15`, 'utf8').split('\n')
    for (const bad of ['tile/0/000.p/15', 'tile/entries/000.p/15']) {
      const flipped: FetchPath = async (path) => {
        const bytes = await fromFolder(path)
        if (path === bad) bytes![40]! ^= 1
        return bytes
      }
      await expect(readTree(flipped, 15, Buffer.from(root!, 'base64'))).rejects.toThrow(
        /other hashes|do not make the root/,
      )
    }
  })
})
