import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { packedServices } from './programs.js'

let root: string
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'careseal-programs-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A package in this folder, with services in it, below a workspace of Nx. */
function packageIn(path: string): string {
  const folder = join(root, path)
  mkdirSync(join(folder, 'services'), { recursive: true })
  writeFileSync(join(root, 'nx.json'), '{}')
  return folder
}

describe('the packed services', () => {
  it('are those of an installed package, also in a workspace of Nx', () => {
    const folder = packageIn('node_modules/@careseal/test-kit')
    expect(packedServices(folder)).toBe(join(folder, 'services'))
    rmSync(join(folder, 'services'), { recursive: true })
    expect(packedServices(folder)).toBeNull()
  })

  it('are never what an interrupted npm pack left in a clone', () => {
    expect(packedServices(packageIn('libs/test-kit'))).toBeNull()
  })
})
