import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileKms } from './kms.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-kms-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function keyFile(name: string, text = 'ab'.repeat(32), mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const aad = fc.uint8Array({ maxLength: 64, size: 'max' })

describe('a KMS over a file', () => {
  it('unwraps what it wrapped under the same AAD', async () => {
    const kms = fileKms(keyFile('round-trip'))
    await fc.assert(
      fc.asyncProperty(key, aad, async (plain, about) => {
        expect([...(await kms.unwrap(await kms.wrap(plain, about), about))]).toEqual([...plain])
      }),
    )
  })

  it('refuses another AAD, another root key and every flipped byte', async () => {
    const kms = fileKms(keyFile('one'))
    const other = fileKms(keyFile('other', 'cd'.repeat(32)))
    const about = Buffer.from('a')
    const wrapped = await kms.wrap(Buffer.alloc(32, 7), about)
    await expect(kms.unwrap(wrapped, Buffer.from('b'))).rejects.toThrow(/does not open/)
    await expect(other.unwrap(wrapped, about)).rejects.toThrow(/does not open/)
    for (let at = 0; at < wrapped.length; at++) {
      const flipped = wrapped.map((byte, place) => (place === at ? byte ^ 1 : byte))
      await expect(kms.unwrap(flipped, about)).rejects.toThrow(/does not open/)
    }
  })

  it('names the root key without betraying it', () => {
    const kms = fileKms(keyFile('named'))
    expect(kms.keyId).toMatch(/^[0-9a-f]{32}$/)
    expect('ab'.repeat(32)).not.toContain(kms.keyId)
  })

  it('refuses a file that others may read, a malformed one and a missing one', () => {
    expect(() => fileKms(keyFile('open', undefined, 0o644))).toThrow(/readable by others/)
    expect(() => fileKms(keyFile('short', 'ab'))).toThrow(/64 hex digits/)
    expect(() => fileKms(join(folder, 'missing'))).toThrow(/cannot be read/)
  })

  it.skipIf(process.getuid?.() !== 0)('lets the group read what root owns, as a mounted secret is', () => {
    const path = keyFile('mounted', undefined, 0o640)
    expect(fileKms(path).keyId).toHaveLength(32)
    chownSync(path, 65_532, 65_532)
    expect(() => fileKms(path)).toThrow(/readable by others/)
  })
})
