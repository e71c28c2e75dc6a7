// An export as a folder holds it: C2SP tiles and entry bundles, read plainly and apart from libs/ledger-core.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundlePath } from '../verify/export-files.js'

const WIDTH = 256

/** What is wrong with a bundle; its entries before the fault were handed out. */
export class BrokenBundle extends Error {
  constructor(
    readonly path: string,
    readonly fault: string,
  ) {
    super(`${path}: ${fault}`)
  }
}

/** Entries [0, size) in order. Throws BrokenBundle where one is missing or holds something else than it should. */
export function* entriesOf(folder: string, size: number): Generator<Buffer> {
  for (let index = 0; index * WIDTH < size; index++) {
    const width = Math.min(WIDTH, size - index * WIDTH)
    const found = fileOf(folder, 'entries', index, width)
    if (found === null) throw new BrokenBundle(pathOf('entries', index, width), 'it is missing')
    yield* bundleEntries(found.bytes, found.path, width)
  }
}

/** The bytes of a tile's hashes, full or partial; null when the export does not hold it. */
export function hashTile(
  folder: string,
  level: number,
  { index, width }: { index: number; width: number },
): Buffer | null {
  return fileOf(folder, String(level), index, width)?.bytes.subarray(0, width * 32) ?? null
}

/** Whether the export holds hash tiles at all: a log can be exported without them. */
export function hasHashTiles(folder: string): boolean {
  return existsSync(join(folder, 'tile', '0'))
}

/** `tile/0/000.p/7`, as a violation names it. */
export function pathOf(level: string, index: number, width: number): string {
  return `tile/${level}/${bundlePath(index)}${width === WIDTH ? '' : `.p/${width}`}`
}

// A full tile does for a partial one: an export may have grown since its checkpoint.
function fileOf(folder: string, level: string, index: number, width: number): { bytes: Buffer; path: string } | null {
  const path = [pathOf(level, index, width), pathOf(level, index, WIDTH)].find((each) => existsSync(join(folder, each)))
  return path === undefined ? null : { bytes: readFileSync(join(folder, path)), path }
}

function* bundleEntries(bundle: Buffer, path: string, width: number): Generator<Buffer> {
  let at = 0
  for (let count = 0; count < width; count++) {
    const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Number.POSITIVE_INFINITY
    if (end > bundle.length) throw new BrokenBundle(path, `it ends in its entry ${count} of ${width}`)
    yield bundle.subarray(at + 2, end)
    at = end
  }
}
