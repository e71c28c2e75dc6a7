// Who was shown what while which consent was in force. Only what lies wholly between two changes is judged: beside a
// change, both answers are right.
import type { Entry } from '../../load/history.js'
import { Check, type CheckResult, type Violation } from '../result.js'

type State = 'denied' | 'granted' | 'unclear'
type Interval = { state: State; from: number; until: number }

const READS = ['read', 'vread', 'history', 'search']
const CHANGES = ['grant', 'replace-grant', 'revoke']

export function neverShownWithoutGrant(entries: readonly Entry[]): CheckResult {
  const check = new Check('nothing is shown before its grant and after its revocation', ['I11', 'I12'])
  for (const { read, state, isFirst } of judged(entries)) {
    if (state !== 'denied') continue
    const what = isFirst ? 'shown before any grant was sent' : 'shown after the revocation was acknowledged'
    const where = `${read.operation}, entry ${read.n}`
    check.expect(!isShown(read), () => ({ invariant: isFirst ? 'I12' : 'I11', what, where }))
  }
  return check.result()
}

/** The counterpart, without which a ledger that refuses everything would pass. */
export function neverRefusedWhileGranted(entries: readonly Entry[]): CheckResult {
  const check = new Check('nothing is refused while its grant is in force', ['I11', 'I12'])
  for (const { read, state } of judged(entries)) {
    if (state !== 'granted') continue
    check.expect(!isRefused(read), () => refusal('refused while the grant was in force', read))
  }
  for (const read of entries.filter((entry) => isRead(entry) && entry.clinician === undefined)) {
    check.expect(!isRefused(read), () => refusal('refused to the patient whose it is', read))
  }
  return check.result()
}

function refusal(what: string, { operation, n }: Entry): Violation {
  return { invariant: 'I12', what, where: `${operation}, entry ${n}` }
}

/** One patient at another's records, consents and accounts. */
export function noForeignAccess(entries: readonly Entry[]): CheckResult {
  const check = new Check('no patient touches what is another’s', ['I17'])
  for (const entry of entries.filter(({ operation }) => operation.startsWith('foreign-'))) {
    const where = `${entry.operation}, entry ${entry.n}`
    check.expect(!isShown(entry), () => ({ invariant: 'I17', what: 'it was answered with success', where }))
  }
  return check.result()
}

const isRead = ({ operation }: Entry): boolean => READS.includes(operation)

// That something was deleted is shown too: who may not know of it is answered as if it had never been.
function isShown({ outcome, operation, status, versions = [] }: Entry): boolean {
  if (operation === 'foreign-search' || operation === 'search') return versions.length > 0
  return outcome === 'ok' || status === 410
}

// A search is never refused, so an empty one stands for it: some records of each patient are never deleted.
function isRefused({ outcome, operation, status, versions = [] }: Entry): boolean {
  if (operation === 'search') return outcome === 'ok' && versions.length === 0
  return status === 403 || status === 404
}

const pairOf = ({ patientIndex, clinician }: Entry): string => `${patientIndex} ${clinician}`

type Judged = { read: Entry; state: State; isFirst: boolean }

/** Each clinician's read that lies wholly within one interval. */
function judged(entries: readonly Entry[]): Judged[] {
  const changes = Map.groupBy(
    entries.filter(({ operation }) => CHANGES.includes(operation)),
    pairOf,
  )
  const intervals = new Map([...changes].map(([pair, those]) => [pair, intervalsOf(those)]))
  const always: Interval[] = [{ state: 'denied', from: -Infinity, until: Infinity }]
  return entries
    .filter((entry) => isRead(entry) && entry.clinician !== undefined)
    .flatMap((read) => {
      const those = intervals.get(pairOf(read)) ?? always
      const place = those.findIndex(({ from, until }) => from < read.startedAt && read.endedAt < until)
      return place < 0 ? [] : [{ read, state: those[place]!.state, isFirst: place === 0 }]
    })
}

/** From one change's answer to the sending of the next: what is in force then. */
function intervalsOf(changes: readonly Entry[]): Interval[] {
  const inOrder = changes.toSorted((a, b) => a.startedAt - b.startedAt)
  const intervals: Interval[] = []
  let state: State = 'denied'
  let from = -Infinity
  for (const change of inOrder) {
    intervals.push({ state, from, until: change.startedAt })
    state = after(change, state)
    from = change.endedAt
  }
  return [...intervals, { state, from, until: Infinity }]
}

function after({ operation, outcome }: Entry, before: State): State {
  if (outcome === 'unknown') return 'unclear'
  if (outcome === 'refused') return before
  return operation === 'revoke' ? 'denied' : 'granted'
}
