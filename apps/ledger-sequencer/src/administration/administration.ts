// What those who administer a ledger have at hand: its database, its signer, its address, two operators' keys, and the
// witnesses of its policy. Everything here may be stopped at any point and called again: it goes on where it was.
import { sha256 } from '@careseal/crypto'
import {
  approve,
  beginGovernance,
  encodeAdmin,
  govern,
  type Admin,
  type Genesis,
  type Governance,
  type Operator,
  type Policy,
} from '@careseal/ledger-core'
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import { loadAdminEntries } from '../database/admin-entries.js'
import { loadHead } from '../database/head.js'
import type { LogSigner } from '../signer/log-signer.js'
import { parseGenesis } from '../signer/signer.js'

export type Administration = {
  sql: Pool
  signer: LogSigner
  ledgerUrl: string
  operators: readonly Operator[]
  policy: Policy
  /** How long what others have to do is waited for. */
  patienceMs: number
  onProgress: (told: string) => void
}

/** Why something was not done; `mend` is in the message. */
export class AdministrationRefused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
    this.name = 'AdministrationRefused'
  }
}

const ATTEMPTS = 20
const PAUSE_MS = 300
/** Together as long as an index is held. */
const COMMIT_PAUSES = { ms: 25, most: 100 }
const DEADLINE_MS = 15_000

/** `<operator>.pem` or `ledger-<operator>.pem`, as `careseal` of one machine keeps them. */
export function operatorOf(file: string): Operator {
  const key = createPrivateKey(readFileSync(file))
  const name = basename(file, '.pem').replace(/^ledger-/, '')
  return { name, sign: (message) => new Uint8Array(sign(null, message, key)) }
}

export async function genesisOf({ signer }: Administration): Promise<Genesis> {
  const genesis = parseGenesis((await signer.read()).genesisEntry)
  if (genesis) return genesis
  throw new AdministrationRefused('genesis-unreadable', "the signer's genesis cannot be read: restore genesis.json")
}

/** Keys, policy and retreats as all committed entries have them. */
export async function governanceOf(administration: Administration): Promise<Governance> {
  const { treeSize } = await loadHead(administration.sql)
  const entries = await loadAdminEntries(administration.sql, treeSize)
  const first = beginGovernance(await genesisOf(administration))
  return entries.reduce((state, entry) => govern(sha256, state, entry), first)
}

/** Has an entry appended at whatever index is free; the ledger holds one for it. Resolves to its index. */
export async function append(administration: Administration, entry: Omit<Admin, 'approvals'>): Promise<number> {
  const { origin } = await genesisOf(administration)
  let { treeSize: index } = await loadHead(administration.sql)
  for (let attempt = 1; ; attempt++) {
    const admin = approve({ origin, index }, entry, administration.operators)
    encodeAdmin(admin)
    const { status, answer } = await post(administration.ledgerUrl, { index, ...admin })
    if (status < 300) return index
    const isPassing = status === 409 || status === 503
    if (!isPassing || attempt === ATTEMPTS) {
      throw new AdministrationRefused(answer.code ?? 'refused', `the ledger refuses it: ${answer.detail ?? status}`)
    }
    // A held index must be taken at once; anything else passes by itself.
    if (answer.index === undefined) await delay(PAUSE_MS)
    index = await nextIndex(administration, answer.index ?? 0)
  }
}

// What operators approve is where the database ends, never what an answer names: an approval for a later index could be
// kept and used there. What was held stands behind a block whose commit may still be under way.
async function nextIndex({ sql }: Administration, held: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const { treeSize } = await loadHead(sql)
    if (treeSize >= held || attempt > COMMIT_PAUSES.most) return treeSize
    await delay(COMMIT_PAUSES.ms)
  }
}

type Answer = { index?: number; code?: string; detail?: string }

async function post(ledgerUrl: string, body: object): Promise<{ status: number; answer: Answer }> {
  try {
    const response = await fetch(new URL('/ledger/admin-entries', ledgerUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    return { status: response.status, answer: (await response.json()) as Answer }
  } catch {
    return { status: 503, answer: { code: 'unreachable', detail: `${ledgerUrl} does not answer` } }
  }
}

/** The published checkpoint as it is served; null before the first. */
export async function publishedNote({ sql }: Administration): Promise<{ size: number; note: string } | null> {
  const { rows } = await sql.query<{ size: number; note: string }>('SELECT size, note FROM published WHERE size > 0')
  return rows[0] ?? null
}

/** Asks until it holds; throws what is told when patience ends. A repeat of the command goes on. */
export async function until(
  { patienceMs }: Administration,
  holds: () => Promise<boolean>,
  refusal: () => AdministrationRefused,
): Promise<void> {
  for (const end = performance.now() + patienceMs; !(await holds()); await delay(PAUSE_MS)) {
    if (performance.now() > end) throw refusal()
  }
}
