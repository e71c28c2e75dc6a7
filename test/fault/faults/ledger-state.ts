// What the ledger says of itself, what its database holds, and what its signer remembers: three that must agree.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bed } from './fault.js'

const SEALED_WITHIN_MS = 60_000

export type LedgerState = { treeSize: number; publishedSize: number; signedSize: number }

/** Read in an order in which, at any time, what was read first is no larger than what was read last. */
export async function ledgerState(bed: Bed): Promise<LedgerState> {
  const [published] = await bed.sql<{ size: string }>('SELECT size FROM ledger.published')
  const signedSize = signerSize(bed)
  const [head] = await bed.sql<{ size: string }>('SELECT tree_size AS size FROM ledger.head')
  return { treeSize: Number(head?.size), publishedSize: Number(published?.size), signedSize }
}

/** I5, I10: what is published was signed, and what was signed is on the signer's disk. */
export async function expectSignerCovers(bed: Bed, after: string): Promise<void> {
  const { publishedSize, signedSize } = await ledgerState(bed)
  if (signedSize < publishedSize) {
    bed.violated('I5', `${after}: the signer's disk knows of size ${signedSize}, but ${publishedSize} is published`)
  }
}

/** I10: nothing was appended, published or signed. */
export function expectNothingDone(bed: Bed, before: LedgerState, after: LedgerState): void {
  const [was, is] = [JSON.stringify(before), JSON.stringify(after)]
  if (was !== is) bed.violated('I10', `the rolled-back ledger went on: ${was} became ${is}`)
}

/** Resolves once more is published than this. */
export async function untilPublishedBeyond(bed: Bed, size: number): Promise<void> {
  const deadline = performance.now() + SEALED_WITHIN_MS
  while ((await ledgerState(bed)).publishedSize <= size) {
    if (performance.now() > deadline) throw new Error(`nothing was sealed beyond ${size} in a minute`)
    await delay(100)
  }
}

function signerSize({ stack }: Bed): number {
  return (JSON.parse(readFileSync(stack.dataDir.path('signer', 'signer-state.json'), 'utf8')) as { size: number }).size
}

/** Resolves once a service says on /readyz what is expected of it; throws what it said instead. */
export async function untilSaid(url: string, expected: RegExp, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (let said = ''; ; await delay(100)) {
    said = await answerOf(url)
    if (expected.test(said)) return
    if (performance.now() > deadline) throw new Error(`${url} should say ${expected}, but says ${said.slice(0, 500)}`)
  }
}

/** Resolves once a log holds a code beyond a position; a log that was begun anew meanwhile is read from its start. */
export async function untilLogged(
  file: string,
  { code, from, withinMs }: { code: string; from: number; withinMs: number },
): Promise<void> {
  for (const deadline = performance.now() + withinMs; ; await delay(100)) {
    const text = readFileSync(file)
    if (text.subarray(text.length < from ? 0 : from).includes(code)) return
    if (performance.now() > deadline) throw new Error(`${file} does not tell ${code} within ${withinMs} ms`)
  }
}

async function answerOf(url: string): Promise<string> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(3_000) })).text()
  } catch (error) {
    return `nothing: ${(error as Error).message}`
  }
}
