// A static mirror of a log, as C2SP tlog-tiles has it: checkpoint and entry bundles below a URL, and nothing else.
import { tilePath, TILE_WIDTH } from '@careseal/merkle'
import { refusalOf, request } from '../http.js'
import { entriesIn } from './bundle-bytes.js'

const ATTEMPTS = 6
const AHEAD = 4

/** The checkpoint that the mirror serves. */
export async function mirroredCheckpoint(url: string): Promise<string> {
  const response = await fetchPath(url, 'checkpoint')
  return response.text()
}

/** Entries [0, size) in order; some bundles are fetched while others are checked. Throws where one is missing. */
export async function* mirroredEntries(url: string, size: number): AsyncGenerator<Uint8Array> {
  const count = Math.ceil(size / TILE_WIDTH)
  const pending: Promise<Uint8Array[]>[] = []
  for (let index = 0; index < count; index++) {
    for (let next = index + pending.length; next < Math.min(count, index + AHEAD); next++) {
      const bundle = fetchBundle(url, next, Math.min(TILE_WIDTH, size - next * TILE_WIDTH))
      // The consumer may have stopped at a fault before it: then nobody waits for it.
      bundle.catch(() => {})
      pending.push(bundle)
    }
    yield* await (pending.shift() as Promise<Uint8Array[]>)
  }
}

async function fetchBundle(url: string, index: number, width: number): Promise<Uint8Array[]> {
  const partial = tilePath({ level: 'entries', index, width })
  const full = tilePath({ level: 'entries', index, width: TILE_WIDTH })
  const response = await fetchPath(url, partial, full)
  return entriesIn(partial, new Uint8Array(await response.arrayBuffer()), width)
}

// A log may drop a partial bundle once the full one is there.
async function fetchPath(url: string, path: string, instead?: string): Promise<Response> {
  const response = await request(`${url.replace(/\/$/, '')}/${path}`, { attempts: ATTEMPTS })
  if (response.ok) return response
  const text = await response.text()
  if (response.status === 404 && instead !== undefined && instead !== path) return fetchPath(url, instead)
  throw refusalOf(path, response.status, text)
}
