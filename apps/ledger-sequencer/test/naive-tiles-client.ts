// For specs: a reader of C2SP tlog-tiles from the words of the specification, which believes nothing but a checkpoint's
// size and root, and rebuilds the whole tree from tiles alone. It shares no code with what it reads.
import { createHash } from 'node:crypto'

/** Answers what a path relative to the log's prefix holds; null for 404. */
export type FetchPath = (path: string) => Promise<Buffer | null>

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const leafHash = (entry: Uint8Array) => sha256(Uint8Array.of(0), entry)
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right)

/** RFC 6962 section 2.1, as it is written. */
export function treeHash(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return sha256()
  if (hashes.length === 1) return hashes[0]!
  let k = 1
  while (k * 2 < hashes.length) k *= 2
  return nodeHash(treeHash(hashes.slice(0, k)), treeHash(hashes.slice(k)))
}

/** `1234067` is `x001/x234/067`. */
export function indexPath(index: number): string {
  const last = String(index % 1000).padStart(3, '0')
  let path = last
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  }
  return path
}

export type ReadLog = { size: number; root: Buffer; entries: Buffer[]; tiles: number }

/** Reads checkpoint, bundles and tiles of every level. Throws at the first thing that does not fit. */
export async function readLog(fetchPath: FetchPath): Promise<ReadLog> {
  const note = await need(fetchPath, 'checkpoint')
  const [, size, root] = note.toString().split('\n')
  return readTree(fetchPath, Number(size), Buffer.from(root!, 'base64'))
}

/** The same for a checkpoint that one has. */
export async function readTree(fetchPath: FetchPath, size: number, root: Buffer): Promise<ReadLog> {
  const entries: Buffer[] = []
  for (let n = 0; n * 256 < size; n++) {
    const width = Math.min(256, size - n * 256)
    entries.push(...(await bundle(fetchPath, n, width)))
  }
  let tiles = 0
  let level: Buffer[] = entries.map(leafHash)
  for (let height = 0; level.length > 0; height++) {
    for (let n = 0; n * 256 < level.length; n++) {
      const expected = Buffer.concat(level.slice(n * 256, n * 256 + 256))
      const found = await tile(fetchPath, { level: String(height), n, width: expected.length / 32 })
      if (!found.equals(expected)) throw new Error(`tile ${height}/${n} holds other hashes than what lies below it`)
      tiles += 1
    }
    level = Array.from({ length: Math.floor(level.length / 256) }, (_, n) =>
      treeHash(level.slice(n * 256, n * 256 + 256)),
    )
  }
  if (!treeHash(entries.map(leafHash)).equals(root)) throw new Error('the entries do not make the root')
  return { size, root, entries, tiles }
}

async function bundle(fetchPath: FetchPath, n: number, width: number): Promise<Buffer[]> {
  const bytes = await need(fetchPath, pathOf({ level: 'entries', n, width }))
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) throw new Error(`bundle ${n} is cut off`)
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  if (entries.length !== width) throw new Error(`bundle ${n} holds ${entries.length} entries instead of ${width}`)
  return entries
}

async function tile(fetchPath: FetchPath, place: { level: string; n: number; width: number }): Promise<Buffer> {
  const bytes = await need(fetchPath, pathOf(place))
  if (bytes.length !== place.width * 32) throw new Error(`tile ${pathOf(place)} has ${bytes.length} bytes`)
  return bytes
}

function pathOf({ level, n, width }: { level: string; n: number; width: number }): string {
  return `tile/${level}/${indexPath(n)}${width === 256 ? '' : `.p/${width}`}`
}

async function need(fetchPath: FetchPath, path: string): Promise<Buffer> {
  const bytes = await fetchPath(path)
  if (bytes === null) throw new Error(`there is no ${path}`)
  return bytes
}
