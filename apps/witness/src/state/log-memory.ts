// What the witness remembers of one log: the largest checkpoint that it co-signed, as the log signed it, and when. The
// cosignature itself is not stored: it is made again from these, byte for byte.
import { readIfThere, replaceDurably, createDurably, TreeMemory } from '@careseal/cosigner'
import { fromHex, hex, sha256 } from '@careseal/crypto'
import { nothingKnown, parseCheckpoint, parseNote, type KnownTree, type SignedTree } from '@careseal/ledger-core'
import { equalHashes } from '@careseal/merkle'
import { WitnessUnfit, type Marker, type StateFolder } from './state-folder.js'

/** `note` is the checkpoint with the log's verified signatures alone; null before the first. `time` in seconds since 1970. */
export type Witnessed = KnownTree & { time: number; note: string | null }

/** The memory of a log, begun if the log is new. Throws WitnessUnfit when it was lost or cannot be read. */
export async function openMemory(
  folder: StateFolder,
  origin: string,
  marker: Marker,
): Promise<{ memory: TreeMemory<Witnessed>; marker: Marker }> {
  const path = folder.memory(origin)
  const read = async () => parseMemory(await readIfThere(path), origin)
  const isBegun = marker.begun.includes(origin)
  if (!isBegun && (await readIfThere(path)) === null) await createDurably(path, formatMemory(origin, nothing()))
  const tree = await read()
  const replace = (next: Witnessed) => replaceDurably(path, formatMemory(origin, next))
  const memory = new TreeMemory<Witnessed>({ read, replace }, tree)
  // If we crash before this, the next start finds a memory of size 0 and goes on from it.
  return { memory, marker: isBegun ? marker : await folder.addBegun(origin, marker) }
}

/** The checkpoint of a memory as it was signed; null before the first. */
export function signedTreeOf({ note }: Pick<Witnessed, 'note'>): SignedTree | null {
  if (note === null) return null
  const { text, signatures } = parseNote(note)
  return { text, signatures, checkpoint: parseCheckpoint(text) }
}

function nothing(): Witnessed {
  return { ...nothingKnown(sha256), time: 0, note: null }
}

function formatMemory(origin: string, { size, root, time, note }: Witnessed): string {
  return `${JSON.stringify({ v: 1, origin, size, root: hex(root), time, note })}\n`
}

function parseMemory(text: string | null, origin: string): Witnessed {
  if (text === null) {
    const mend = 'restore it from where it was lost, never make a new one: it alone knows what was co-signed'
    throw new WitnessUnfit('state-lost', `the memory of ${origin} is missing; ${mend}`)
  }
  try {
    const { v, origin: of, size, root, time, note } = JSON.parse(text) as Record<string, unknown>
    const memory = { size, root: fromHex(String(root), 32), time, note } as Witnessed
    if (v === 1 && of === origin && Number.isSafeInteger(time) && agrees(memory, origin)) return memory
  } catch {
    // Told below.
  }
  throw new WitnessUnfit('state-broken', `the memory of ${origin} cannot be read: restore it from where it is whole`)
}

// Size and root stand there twice, in the note as well: a memory of which a part was changed is not believed.
function agrees(memory: Witnessed, origin: string): boolean {
  const none = nothing()
  const { size, root } = signedTreeOf(memory)?.checkpoint ?? none
  const isOf = memory.note === null || memory.note.startsWith(`${origin}\n`)
  return isOf && size === memory.size && equalHashes(root, memory.root)
}
