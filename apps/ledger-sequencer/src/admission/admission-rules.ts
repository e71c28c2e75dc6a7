// Which administration entries may be appended. Only admissions so far: each type that comes later needs its own reason
// why an entry that was appended once cannot be sent again to hold the ledger up.
import { incarnationOf, latestOf } from '@careseal/contracts'
import type { Admin } from '@careseal/ledger-core'

/** Data of `producer-admitted`: `follows` is the incarnation that it takes over from, null for a new service. */
export type Admission = { name: string; firstLink: string; follows: string | null }

export type AdmissionRefusal =
  'type-not-accepted' | 'not-an-admission' | 'already-admitted' | 'not-the-next-incarnation'

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
