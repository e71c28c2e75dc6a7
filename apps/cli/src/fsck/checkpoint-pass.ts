// What was signed and published: by the log's key, over roots that the blocks really had, and never behind one another.
import type { ClientBase } from 'pg'
import type { LedgerFacts } from './ledger-pass.js'
import { isSigned } from './naive-note.js'
import { quorumCheck } from './quorum-check.js'
import { Check } from './report.js'

/** What the signer remembers: the largest tree that it signed. */
export type SignerState = { size: number; root: string }

export type CheckpointInput = {
  sql: ClientBase
  facts: LedgerFacts
  origin: string
  /** `<name>+<key id>+<base64 of type and key>`: whom the reader trusts. Without any, every key that counts there. */
  vkeys: readonly string[]
  signer?: SignerReadings
  /** Who has to have co-signed: the text of a policy file. */
  policy?: string
}

/** The signer's memory before and after the moment that the database is looked at; null where it is lost or not whole. */
export type SignerReadings = { before: SignerState | null; after: SignerState | null }

export async function checkpointPass(input: CheckpointInput): Promise<Check[]> {
  const { sql } = input
  const signed = new Check('the published checkpoint is signed and true', ['I5', 'I8'])
  const { rows } = await sql.query<{ size: string; root: Buffer; note: string }>(
    'SELECT size, root, note FROM ledger.published WHERE size > 0',
  )
  for (const row of rows) {
    signed.checked += 1
    const root = row.root.toString('base64')
    const trueRoot = input.facts.rootAt.get(Number(row.size)) ?? ''
    const [size, trusted] = [Number(row.size), input.vkeys]
    const vkeys = countingOf(input.facts.keysAt(size), trusted)
    expectNote(signed, row.note, { origin: input.origin, vkeys, size, root: Buffer.from(trueRoot, 'hex') })
    signed.expect(row.note.split('\n')[2] === root, () => {
      return { invariant: 'I5', what: 'its root is not the one beside it', where: `checkpoint ${row.size}` }
    })
  }
  const published = Math.max(0, ...rows.map(({ size }) => Number(size)))
  return [
    signed,
    await epochCheck(input),
    ...(input.signer ? [signerCheck(input.facts, input.signer, published)] : []),
    ...quorumChecks(
      rows.map(({ note }) => note),
      input.policy,
    ),
  ]
}

/** No check where no policy says who has to co-sign. */
export function quorumChecks(notes: readonly string[], policy: string | undefined): Check[] {
  return policy === undefined ? [] : [quorumCheck(notes, policy)]
}

/** Of the keys that count for a size, those that are trusted. */
export function countingOf(counting: readonly string[], trusted: readonly string[]): string[] {
  return counting.filter((vkey) => trusted.length === 0 || trusted.includes(vkey))
}

type Expected = { origin: string; vkeys: readonly string[]; size: number; root: Buffer }

/** A checkpoint must be of this log and this size, have this root, and be signed by a key of the log. */
export function expectNote(check: Check, note: string, { origin, vkeys, size, root }: Expected): void {
  const where = `checkpoint ${size}`
  const say = (what: string) => () => ({ invariant: 'I5' as const, what, where })
  const [line, ownSize, ownRoot] = note.split('\n')
  check.expect(line === origin && ownSize === String(size), say('it is of another log or another size'))
  check.expect(ownRoot === root.toString('base64'), say('no block ends in its root'))
  check.expect(
    vkeys.some((vkey) => isSigned(note, vkey)),
    say('its signature is not good'),
  )
}

// A signer that is ahead of the blocks has signed what this database no longer has: it was rolled back.
function signerCheck(facts: LedgerFacts, { before, after }: SignerReadings, published: number): Check {
  const check = new Check('what the signer remembers is a block of this ledger', ['I5', 'I8', 'I10'])
  check.checked += 1
  if (!before || !after) {
    const what = 'it is lost or not whole: restore it from where it was lost, never make a new one'
    check.expect(false, () => ({ invariant: 'I5', what, where: 'signer state' }))
    return check
  }
  const where = `signer state ${before.size}`
  const most = `it signed more than the ${facts.treeSize} entries that are here`
  check.expect(before.size <= facts.treeSize, () => ({ invariant: 'I10', what: most, where }))
  const foreign = 'it signed a root that no block ends in'
  const isKnown = before.size === 0 || before.size > facts.treeSize || facts.rootAt.get(before.size) === before.root
  check.expect(isKnown, () => ({ invariant: 'I5', what: foreign, where }))
  const less = `${published} entries are published and it remembers fewer`
  check.expect(published <= after.size, () => ({ invariant: 'I8', what: less, where }))
  return check
}

async function epochCheck({ sql, facts }: CheckpointInput): Promise<Check> {
  const check = new Check('no block is of an epoch that was never given', ['I9'])
  const { rows } = await sql.query<{ lease: string; head: string }>(
    'SELECT l.epoch AS lease, h.epoch AS head FROM ledger.lease l, ledger.head h',
  )
  for (const { lease, head } of rows) {
    check.checked += 1
    check.expect(facts.lastEpoch <= Number(lease) && Number(head) <= Number(lease), () => {
      return { invariant: 'I9', what: `the last block is of epoch ${facts.lastEpoch}`, where: `lease epoch ${lease}` }
    })
  }
  return check
}
