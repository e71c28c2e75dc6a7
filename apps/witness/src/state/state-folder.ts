// The folder of a witness. `witness.json` names it and the logs whose memory was begun: so a memory that is gone is told
// from one that was never there, and is never made anew.
import { createDurably, readIfThere, replaceDurably, syncFolder } from '@careseal/cosigner'
import { hex, sha256 } from '@careseal/crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What the witness needs is not there or not whole. It then signs nothing, and makes nothing up in its place. */
export class WitnessUnfit extends Error {
  override readonly name = 'WitnessUnfit'
  constructor(
    readonly code: 'not-begun' | 'state-lost' | 'state-broken' | 'key-lost' | 'key-broken' | 'other-name',
    message: string,
  ) {
    super(message)
  }
}

/** `begun` are the origins of logs that have a memory. */
export type Marker = { name: string; begun: readonly string[] }

export class StateFolder {
  constructor(readonly path: string) {}

  get logs(): string {
    return join(this.path, 'logs')
  }

  get evidence(): string {
    return join(this.path, 'evidence')
  }

  mirror(origin: string): string {
    return join(this.path, 'mirror', originHash(origin))
  }

  memory(origin: string): string {
    return join(this.logs, `${originHash(origin)}.json`)
  }

  /** Makes the folder and its marker. Fails with EEXIST when there is one. */
  async begin(name: string): Promise<void> {
    for (const folder of [this.path, this.logs, this.evidence]) await makeFolder(folder)
    await createDurably(this.marker, formatMarker({ name, begun: [] }))
  }

  /** Null when the folder was never begun. Throws WitnessUnfit when it cannot be read. */
  async readMarker(): Promise<Marker | null> {
    const text = await readIfThere(this.marker)
    return text === null ? null : parseMarker(text)
  }

  async addBegun(origin: string, { name, begun }: Marker): Promise<Marker> {
    const marker = { name, begun: [...begun, origin] }
    await replaceDurably(this.marker, formatMarker(marker))
    return marker
  }

  private get marker(): string {
    return join(this.path, 'witness.json')
  }
}

/** Where a log's files and its answers are: the SHA-256 of its origin in hex (tlog-witness). */
export function originHash(origin: string): string {
  return hex(sha256(new TextEncoder().encode(origin)))
}

/** Makes a folder and those above it, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder))
}

function formatMarker({ name, begun }: Marker): string {
  return `${JSON.stringify({ v: 1, name, begun })}\n`
}

function parseMarker(text: string): Marker {
  try {
    const { v, name, begun } = JSON.parse(text) as { v: unknown; name: unknown; begun: unknown }
    if (v === 1 && typeof name === 'string' && Array.isArray(begun)) return { name, begun: begun as string[] }
  } catch {
    // Told below.
  }
  throw new WitnessUnfit('state-broken', 'witness.json of the state folder cannot be read: restore the folder')
}
