// The invariants of the design, each once: what fsck looks at for it, and who looks at what fsck cannot see.
import type { CheckResult } from './report.js'

export type InvariantId = (typeof INVARIANTS)[number]['id']

/** `holds` only when something was looked at and nothing was wrong; `why` says what was not, or not here. */
export type InvariantLine = {
  id: InvariantId
  title: string
  state: 'holds' | 'broken' | 'not-covered'
  /** How many things its checks looked at. */
  checked: number
  /** How many violations name it. */
  violations: number
  /** The names of its checks. */
  by: string[]
  why: string
}

type Described = { id: string; title: string; elsewhere: string }

const DATABASES = 'needs the databases: careseal fsck without --export, where the ledger runs'
const CLIENTS = 'what clients were told is for the history checker in test/fault'

const WITNESSES = 'what they refused and hold, each shows itself: its /evidence, /checkpoint; test/fault compares them'

/** `elsewhere` is what fsck cannot see by itself, and who does; empty where fsck sees all of it. */
export const INVARIANTS = [
  { id: 'I1', title: 'every event whose call answered 2xx is in exactly one sealed block', elsewhere: CLIENTS },
  { id: 'I2', title: 'no duplicate event, no duplicate (producer, seq)', elsewhere: '' },
  { id: 'I3', title: 'heights and indexes have no gap', elsewhere: '' },
  { id: 'I4', title: 'one hash per height', elsewhere: 'other copies: fsck --export on each of them' },
  { id: 'I5', title: 'no two inconsistent signatures of the log', elsewhere: 'signatures that others hold' },
  { id: 'I6', title: 'every inclusion and consistency proof verifies', elsewhere: '' },
  { id: 'I7', title: "a producer's order, and each stream's, is ledger order", elsewhere: '' },
  { id: 'I8', title: 'checkpoint sizes and times never go back', elsewhere: CLIENTS },
  { id: 'I9', title: 'a deposed epoch appends nothing', elsewhere: '' },
  { id: 'I10', title: 'a rolled-back database signs nothing', elsewhere: '' },
  { id: 'I11', title: 'a decision after an acknowledged revocation is a denial', elsewhere: CLIENTS },
  { id: 'I12', title: 'no read before its grant is committed', elsewhere: CLIENTS },
  { id: 'I13', title: 'one RecordRead per permit used, and no disclosure without', elsewhere: CLIENTS },
  { id: 'I14', title: 'no canary where privacy forbids it', elsewhere: 'the canary search in test/e2e' },
  { id: 'I15', title: 'no guess of low-entropy content opens a commitment', elsewhere: '' },
  { id: 'I16', title: 'after an erasure nothing decrypts', elsewhere: '' },
  { id: 'I17', title: 'no unauthorised object access', elsewhere: 'the access matrix in test/e2e' },
  { id: 'I18', title: 'what is published bears the quorum of its witnesses', elsewhere: WITNESSES },
  { id: 'I19', title: 'one idempotency key, one event, one answer', elsewhere: CLIENTS },
  { id: 'I20', title: 'after faults the backlog is sealed and every reader is complete', elsewhere: '' },
  { id: 'I21', title: "a producer behind the ledger's cursor answers nothing", elsewhere: CLIENTS },
  { id: 'I22', title: 'a restored key store opens no erased subject', elsewhere: '' },
] as const satisfies readonly Described[]

/** One line for each invariant, in order, whatever checks ran. `scope` is what they could look into. */
export function invariantLines(checks: readonly CheckResult[], scope: 'databases' | 'export'): InvariantLine[] {
  return INVARIANTS.map(({ id, title, elsewhere }) => {
    const own = checks.filter((check) => check.invariants.includes(id))
    const checked = own.reduce((sum, check) => sum + check.checked, 0)
    const violations = checks.reduce((sum, check) => sum + (check.counts[id] ?? 0), 0)
    const state = violations > 0 ? 'broken' : checked > 0 ? 'holds' : 'not-covered'
    const by = own.map((check) => check.name)
    return { id, title, state, checked, violations, by, why: whyNot({ id, elsewhere, own, checked, scope }) }
  })
}

/** What no database and no export shows. */
const NEVER_HERE = new Set(['I14', 'I17'])

type Seen = { id: string; elsewhere: string; own: CheckResult[]; checked: number; scope: 'databases' | 'export' }

function whyNot({ id, elsewhere, own, checked, scope }: Seen): string {
  if (checked > 0 || NEVER_HERE.has(id)) return elsewhere
  if (id === 'I18' && own.length === 0) return 'needs the policy that says who has to co-sign: --policy FILE'
  if (own.length > 0) return 'there is nothing of the kind to look at'
  return scope === 'export' ? DATABASES : 'needs the key files of the services'
}
