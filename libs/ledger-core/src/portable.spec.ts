import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const libs = fileURLToPath(new URL('../../', import.meta.url))
const packages: Record<string, string> = {
  '@careseal/merkle': 'merkle/src/index.ts',
  '@careseal/crypto/portable': 'crypto/src/portable.ts',
}

/** All modules that a module needs, by their source. */
function closure(file: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(file)) return found
  const source = readFileSync(libs + file, 'utf8')
  found.set(file, source)
  for (const [, specifier] of source.matchAll(/from '([^']+)'/g)) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1)
    const relative = specifier!.startsWith('./') ? folder + specifier!.slice(2).replace(/\.js$/, '.ts') : undefined
    const next = relative ?? packages[specifier!]
    if (next === undefined) throw new Error(`${file} imports ${specifier}, which may not run in a browser`)
    closure(next, found)
  }
  return found
}

test('the library and all that it imports run in a browser: no node:crypto, no Buffer', () => {
  const sources = closure('ledger-core/src/index.ts')
  expect(sources.size).toBeGreaterThan(20)
  for (const [file, source] of sources) {
    expect([file, /\bBuffer\b|\bprocess\b|\brequire\(/.test(source.replace(/\/\/.*$|\/\*[^]*?\*\//gm, ''))]).toEqual([
      file,
      false,
    ])
  }
})

test('an import of node:crypto would be noticed', () => {
  expect(() => closure('crypto/src/hash.ts')).toThrow('node:crypto')
})
