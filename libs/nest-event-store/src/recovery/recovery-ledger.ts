// What a recovery asks the ledger: the leaves themselves, and to admit the next incarnation.
import { approve, parseEntry, type Leaf, type Operator } from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

const Page = z.object({ entries: z.array(z.object({ bytes: z.base64() })), treeSize: z.int() })
const Held = z.object({ code: z.string(), detail: z.string(), index: z.int().optional() })

const ENTRIES_PER_PAGE = 4_096
const DEADLINE_MS = 15_000
const ATTEMPTS = 10
const RETRY_MS = 300

export class AdmissionRefused extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(`the ledger does not admit the new incarnation (${code}): ${detail}`)
  }
}

export class RecoveryLedger {
  constructor(private readonly ledgerUrl: string) {}

  /** The leaves at `count` indexes from `from` on, all of which must be leaves. */
  async leaves(from: number, count: number): Promise<Leaf[]> {
    const leaves: Leaf[] = []
    while (leaves.length < count) {
      const limit = Math.min(ENTRIES_PER_PAGE, count - leaves.length)
      const { entries } = await this.page(from + leaves.length, limit)
      if (entries.length === 0) throw new Error(`the ledger does not show its entry ${from + leaves.length}`)
      for (const { bytes } of entries) leaves.push(leafOf(Buffer.from(bytes, 'base64')))
    }
    return leaves
  }

  /** Has the admission appended with two operators' approvals, at whatever index is free: the ledger holds one for it. */
  async admit(
    origin: string,
    data: { name: string; firstLink: string; follows: string },
    operators: readonly Operator[],
  ) {
    let { treeSize: index } = await this.page(0, 1)
    for (let attempt = 1; ; attempt++) {
      const entry = approve({ origin, index }, { type: 'producer-admitted', data }, operators)
      const response = await this.fetch('/ledger/admin-entries', { index, ...entry })
      if (response.ok) return
      const { code, detail, index: held } = Held.parse(await response.json())
      const isPassing = response.status === 409 || response.status === 503
      if (!isPassing || attempt === ATTEMPTS) throw new AdmissionRefused(code, detail)
      // A held index must be taken at once; anything else passes by itself.
      if (held === undefined) await delay(RETRY_MS)
      index = held ?? (await this.page(0, 1)).treeSize
    }
  }

  private async page(from: number, limit: number): Promise<z.infer<typeof Page>> {
    const response = await this.fetch(`/ledger/entries?from=${from}&limit=${limit}`)
    if (!response.ok) throw new Error(`the ledger answers ${response.status} when asked for its entries`)
    return Page.parse(await response.json())
  }

  private fetch(path: string, body?: object): Promise<Response> {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return fetch(new URL(path, this.ledgerUrl), {
      ...(body && post),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
  }
}

function leafOf(bytes: Uint8Array): Leaf {
  const entry = parseEntry(bytes)
  if (!('leaf' in entry)) throw new Error('the ledger shows another entry where it sealed a leaf')
  return entry.leaf
}
