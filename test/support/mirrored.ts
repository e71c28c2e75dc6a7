// When the mirror of a witness has what the ledger had.
import { parseCheckpoint, parseNote } from '@careseal/ledger-core'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 120_000

type State = { witnesses: readonly { url: string }[] }

/** Resolves when a witness of this running ledger mirrors it up to this checkpoint. Rejects after two minutes. */
export async function untilMirrored(dataDir: string, checkpoint: string): Promise<void> {
  const { origin, size } = parseCheckpoint(parseNote(checkpoint).text)
  const { witnesses } = JSON.parse(readFileSync(join(dataDir, 'state.json'), 'utf8')) as State
  const path = `${createHash('sha256').update(origin).digest('hex')}/mirror/checkpoint`
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS; await delay(200)) {
    const sizes = await Promise.all(witnesses.map(({ url }) => sizeAt(`${url}/${path}`)))
    if (sizes.some((mirrored) => mirrored >= size)) return
  }
  throw new Error(`no witness mirrored ${origin} up to ${size} within ${PATIENCE_MS / 1000} s`)
}

async function sizeAt(url: string): Promise<number> {
  const answer = await fetch(url)
  return answer.ok ? parseCheckpoint(parseNote(await answer.text()).text).size : -1
}
