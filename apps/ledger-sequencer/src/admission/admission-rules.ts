// Which administration entries may be appended. None that was appended once is accepted again, so nobody can hold the
// ledger up with what operators approved before: a producer is admitted once, and govern() refuses the rest.
import { incarnationOf, latestOf } from '@careseal/contracts'
import { sha256 } from '@careseal/crypto'
import {
  govern,
  GOVERNANCE_TYPES,
  Malformed,
  type Admin,
  type Governance,
  type PlacedAdmin,
} from '@careseal/ledger-core'

/** Data of `producer-admitted`: `follows` is the incarnation that it takes over from, null for a new service. */
export type Admission = { name: string; firstLink: string; follows: string | null }

export type AdmissionRefusal =
  'type-not-accepted' | 'not-an-admission' | 'already-admitted' | 'not-the-next-incarnation'

/** What an entry does: `governance` is what holds afterwards; `needsKey` is a key that the signer has to hold before. */
export type Act = { admission: Admission | null; governance: Governance; needsKey: string | null }

export type ActRefusal = { refused: AdmissionRefusal } | { refused: 'not-in-order'; because: string }

export type Known = {
  /** The producers that are admitted. */
  names: readonly string[]
  firstLinkOf: (name: string) => string
  governance: Governance
}

// A retreat is appended by the sequencer itself, out of the signer's own memory: nobody sends it.
const SENT = new Set<string>(GOVERNANCE_TYPES.filter((type) => type !== 'signer-retreat'))

export function actOf({ index, admin }: PlacedAdmin, known: Known): Act | ActRefusal {
  if (!SENT.has(admin.type)) {
    const admission = admissionOf(admin, known)
    return 'refused' in admission ? admission : { admission, governance: known.governance, needsKey: null }
  }
  try {
    const governance = govern(sha256, known.governance, { index, admin })
    return { admission: null, governance, needsKey: newLogKeyOf(governance, index) }
  } catch (error) {
    if (error instanceof Malformed) return { refused: 'not-in-order', because: error.message }
    throw error
  }
}

function newLogKeyOf({ keys }: Governance, index: number): string | null {
  return keys.find(({ owner, addedAt }) => owner === 'log' && addedAt === index)?.vkey ?? null
}

/** The admission that an entry is, or why it is refused. `names` are the producers that are admitted. */
export function admissionOf(
  { type, data }: Pick<Admin, 'type' | 'data'>,
  { names, firstLinkOf }: { names: readonly string[]; firstLinkOf: (name: string) => string },
): Admission | { refused: AdmissionRefusal } {
  if (type !== 'producer-admitted') return { refused: 'type-not-accepted' }
  const { name, firstLink, follows, ...others } = Object(data) as Partial<Admission>
  if (typeof name !== 'string' || typeof firstLink !== 'string' || follows === undefined) {
    return { refused: 'not-an-admission' }
  }
  if (Object.keys(others).length > 0 || attempt(() => firstLinkOf(name)) !== firstLink) {
    return { refused: 'not-an-admission' }
  }
  if (names.includes(name)) return { refused: 'already-admitted' }
  return isNext(name, follows, names) ? { name, firstLink, follows } : { refused: 'not-the-next-incarnation' }
}

// consent-3 follows consent-2, which must be the newest; a new service follows nobody and bears no number.
function isNext(name: string, follows: string | null, names: readonly string[]): boolean {
  const { service, number } = incarnationOf(name)
  if (follows === null) return number === 1
  const before = incarnationOf(follows)
  const isNewest = names.includes(follows) && latestOf(follows, names) === follows
  return isNewest && before.service === service && before.number + 1 === number
}

function attempt(work: () => string): string | null {
  try {
    return work()
  } catch {
    return null
  }
}
