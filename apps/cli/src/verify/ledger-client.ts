// The public HTTP face of a ledger, as a verifier reads it: nothing it says is believed, all of it is checked.
import { pathOf, refusalOf, request } from '../http.js'

const ENTRIES_AT_ONCE = 4096
const ATTEMPTS = 6

type EntriesPage = { entries: { index: number; bytes: string }[]; next: number | null; treeSize: number }

/** The signed checkpoint as text. */
export function fetchCheckpoint(origin: string): Promise<string> {
  return fetchText(`${origin}/ledger/checkpoint`)
}

/** The verifier keys that the log itself names; trust in them has to come from elsewhere. */
export async function fetchVkeys(origin: string): Promise<string[]> {
  return (await fetchText(`${origin}/ledger/vkey`)).split('\n').filter((line) => line.trim() !== '')
}

/** Entries `from` up to `end`, page by page; one page is fetched while the other is checked. Ends early with the log. */
export async function* fetchEntries(origin: string, from: number, end: number): AsyncGenerator<Uint8Array> {
  const pageAt = (start: number) => {
    const limit = Math.min(ENTRIES_AT_ONCE, end - start)
    const url = `${origin}/ledger/entries?from=${start}&limit=${limit}`
    const page = fetchText(url).then((text) => JSON.parse(text) as EntriesPage)
    // The consumer may have stopped at a fault before it: then nobody waits for it.
    page.catch(() => {})
    return page
  }
  let start = from
  let pending = start < end ? pageAt(start) : null
  while (pending) {
    const { entries } = await pending
    start += entries.length
    pending = entries.length > 0 && start < end ? pageAt(start) : null
    for (const entry of entries) yield Buffer.from(entry.bytes, 'base64')
  }
}

/** The hashes of a consistency proof, by the ledger's own word. */
export async function fetchConsistency(origin: string, { from, to }: { from: number; to: number }) {
  const { proof } = JSON.parse(await fetchText(`${origin}/ledger/proof/consistency?old=${from}&new=${to}`)) as {
    proof: string[]
  }
  return proof.map((hash) => new Uint8Array(Buffer.from(hash, 'hex')))
}

async function fetchText(url: string): Promise<string> {
  const response = await request(url, { attempts: ATTEMPTS })
  const text = await response.text()
  if (!response.ok) throw refusalOf(pathOf(url), response.status, text)
  return text
}
