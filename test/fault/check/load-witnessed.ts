// What the ledger publishes and what each of its witnesses holds, asked over HTTP as anybody may.
import type { StackState } from '@careseal/stack'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { WitnessedFact, WitnessFact } from './facts.js'
import { naivePolicy } from './naive-note.js'

type Asked = Pick<StackState, 'origin' | 'ledgerOrigin' | 'policyFile' | 'witnesses'>

/** Null where nobody has to co-sign. Read it before the facts of the database: what it names is there then. */
export async function loadWitnessed({
  origin,
  ledgerOrigin,
  policyFile,
  witnesses,
}: Asked): Promise<WitnessedFact | null> {
  if (policyFile === null) return null
  const { logVkeys, quorum, witnesses: vkeys } = naivePolicy(readFileSync(policyFile, 'utf8'))
  // In this order a witness that co-signed what is published holds at least as much.
  const published = await textAt(`${origin}/ledger/checkpoint`)
  if (published === null) throw new Error('the ledger has published nothing')
  const place = createHash('sha256').update(ledgerOrigin).digest('hex')
  const found: WitnessFact[] = []
  for (const { name, url } of witnesses) {
    const { evidence } = JSON.parse((await textAt(`${url}/evidence`))!) as { evidence: unknown[] }
    const note = await textAt(`${url}/${place}/checkpoint`)
    found.push({ name, vkey: vkeys.get(name) ?? '', note, evidence: evidence.length })
  }
  return { logVkeys, quorum, witnesses: found, published }
}

/** Null for 404. */
async function textAt(url: string): Promise<string | null> {
  const response = await fetch(url, { signal: AbortSignal.timeout(20_000) })
  const text = await response.text()
  if (response.status === 404) return null
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}: ${text}`)
  return text
}
