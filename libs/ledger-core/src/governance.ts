// What the administration entries of a ledger add up to: which keys sign for which sizes, which policy is in force, and
// what the signer gave up. Sequencer, verifiers and readers fold the same entries with this code and get the same answer.
import type { Sha256 } from '@careseal/merkle'
import type { Admin, Genesis } from './entry.js'
import { Malformed } from './malformed.js'
import { parsePolicy, type Policy } from './policy.js'
import { COSIGNATURE_V1, ED25519, ML_DSA_44, parseVkey, type Vkey } from './vkey.js'

export type KeyOwner = 'log' | 'witness'
export type RetirementReason = 'rotated' | 'stolen'

/** A key and the sizes of trees for which its signature counts: `fromSize` to `untilSize`, both included. */
export type LedgerKey = {
  owner: KeyOwner
  vkey: string
  fromSize: number
  /** Null while it is in force. */
  untilSize: number | null
  /** The entries that brought and ended it; null for a key of the genesis, and of a policy that no entry records. */
  addedAt: number | null
  retiredAt: number | null
  replaces: string | null
  reason: RetirementReason | null
}

/** Data of `key-added`. For a log `replaces` is a key that is in force; for a witness it is one, or null for a new one. */
export type KeyAdded = { owner: KeyOwner; vkey: string; replaces: string | null }
/** Data of `key-retired`. */
export type KeyRetired = { owner: KeyOwner; vkey: string; reason: RetirementReason }
/** Data of `policy-changed`: a whole C2SP policy; `number` counts these entries from 1. */
export type PolicyChanged = { number: number; policy: string }
/** Data of `signer-retreat`: the signer went back to `size` and `root`, and gave up what it had signed beyond. */
export type SignerRetreat = { size: number; root: string; abandonedSize: number; abandonedRoot: string }

/** An administration entry and where it stands. */
export type PlacedAdmin = { index: number; admin: Admin }

export type Governance = {
  origin: string
  keys: readonly LedgerKey[]
  policy: (PolicyChanged & { index: number }) | null
  retreats: readonly (SignerRetreat & { index: number })[]
}

/** The types of administration entries that this library knows, but for `producer-admitted`. */
export const GOVERNANCE_TYPES = ['key-added', 'key-retired', 'policy-changed', 'signer-retreat'] as const

/** What a genesis alone says. */
export function beginGovernance({ origin, logKeys }: Genesis): Governance {
  return { origin, keys: logKeys.map((vkey) => keyOf('log', vkey)), policy: null, retreats: [] }
}

/**
 * What holds once the entry is appended. Types that are none of `GOVERNANCE_TYPES` change nothing.
 *
 * Throws Malformed, whose message names the broken rule: data of another shape, a key that is known already or not in
 * force, a policy out of turn. So no entry that was appended can be appended a second time.
 */
export function govern(sha256: Sha256, state: Governance, { index, admin }: PlacedAdmin): Governance {
  const { type, data } = admin
  if (type === 'key-added') return addKey(sha256, state, { index, ...readKeyAdded(data) })
  if (type === 'key-retired') return retireKey(state, { index, ...readKeyRetired(data) })
  if (type === 'policy-changed') return changePolicy(sha256, state, { index, ...readPolicyChanged(data) })
  if (type === 'signer-retreat') return retreat(state, { index, ...readRetreat(data) })
  return state
}

/** All keys that ever signed for a ledger, in the order of their coming; `adminEntries` in the order of the ledger. */
export function keyHistory(sha256: Sha256, genesis: Genesis, adminEntries: readonly PlacedAdmin[]): LedgerKey[] {
  const first = beginGovernance(genesis)
  return [...adminEntries.reduce((state, entry) => govern(sha256, state, entry), first).keys]
}

/** Whether a key's signature counts for a tree of this size. */
export function isValidAt({ fromSize, untilSize }: LedgerKey, size: number): boolean {
  return fromSize <= size && (untilSize === null || size <= untilSize)
}

/** The vkeys of the log whose signatures count at this size. */
export function logKeysAt(keys: readonly LedgerKey[], size: number): string[] {
  return keys.filter((key) => key.owner === 'log' && isValidAt(key, size)).map(({ vkey }) => vkey)
}

/** A policy without the keys that the ledger itself says do not count at this size. A witness that it never names stays. */
export function policyAt(sha256: Sha256, policy: Policy, { keys, size }: { keys: readonly LedgerKey[]; size: number }) {
  const known = new Map(keys.map((key) => [identity(parseVkey(sha256, key.vkey)), key]))
  const counts = ({ vkey }: { vkey: Vkey }, ifUnknown: boolean) => {
    const key = known.get(identity(vkey))
    return key === undefined ? ifUnknown : isValidAt(key, size)
  }
  const logs = policy.logs.filter((log) => counts(log, false))
  const witnesses = policy.witnesses.filter((witness) => counts(witness, true))
  return { ...policy, logs, witnesses } satisfies Policy
}

/** Whether a checkpoint is the very one that a retreat of the signer gave up; `root` in hex. */
export function isAbandoned(retreats: readonly SignerRetreat[], tree: { size: number; root: string }): boolean {
  return retreats.some(({ abandonedSize, abandonedRoot }) => {
    return abandonedSize === tree.size && abandonedRoot === tree.root
  })
}

function identity({ name, keyId, type }: Vkey): string {
  return `${name}+${keyId}+${type}`
}

function keyOf(owner: KeyOwner, vkey: string, more: Partial<LedgerKey> = {}): LedgerKey {
  const fromGenesis = { fromSize: 0, untilSize: null, addedAt: null, retiredAt: null, replaces: null, reason: null }
  return { owner, vkey, ...fromGenesis, ...more }
}

type At<T> = T & { index: number }

function addKey(sha256: Sha256, state: Governance, { index, owner, vkey, replaces }: At<KeyAdded>): Governance {
  requireKeyOf(owner, parseVkey(sha256, vkey), state.origin)
  if (state.keys.some((key) => key.vkey === vkey)) throw new Malformed('the key was added before')
  const replaced = state.keys.find((key) => key.vkey === replaces && key.owner === owner)
  if (replaced ? replaced.untilSize !== null : owner === 'log') throw new Malformed('it replaces no key in force')
  const unrecorded = replaces !== null && !replaced ? [witnessBefore(sha256, replaces)] : []
  const added = keyOf(owner, vkey, { fromSize: index + 1, addedAt: index, replaces })
  return { ...state, keys: [...state.keys, ...unrecorded, added] }
}

// Witnesses are named by policies, of which the ledger need not tell; their keys are recorded once they change.
function witnessBefore(sha256: Sha256, vkey: string): LedgerKey {
  requireKeyOf('witness', parseVkey(sha256, vkey), '')
  return keyOf('witness', vkey)
}

function requireKeyOf(owner: KeyOwner, { name, type }: Vkey, origin: string): void {
  const fits = owner === 'log' ? type === ED25519 && name === origin : type === COSIGNATURE_V1 || type === ML_DSA_44
  if (!fits) throw new Malformed(owner === 'log' ? 'not a key of this log' : 'not a key of a witness')
}

function retireKey(state: Governance, { index, owner, vkey, reason }: At<KeyRetired>): Governance {
  const inForce = state.keys.filter((key) => key.owner === owner && key.untilSize === null)
  if (inForce.every((key) => key.vkey !== vkey)) throw new Malformed('the key is not in force')
  if (owner === 'log' && inForce.length === 1) throw new Malformed('a log keeps a key in force')
  const end = { untilSize: index, retiredAt: index, reason }
  return { ...state, keys: state.keys.map((key) => (key.vkey === vkey ? { ...key, ...end } : key)) }
}

function changePolicy(sha256: Sha256, state: Governance, changed: At<PolicyChanged>): Governance {
  if (changed.number !== (state.policy?.number ?? 0) + 1) throw new Malformed('a policy out of turn')
  const { logs } = parsePolicy(sha256, changed.policy)
  if (logs.every(({ vkey }) => vkey.name !== state.origin)) throw new Malformed('a policy of another log')
  return { ...state, policy: changed }
}

function retreat(state: Governance, gone: At<SignerRetreat>): Governance {
  const { size, abandonedSize, abandonedRoot, index } = gone
  if (size >= abandonedSize || size > index) throw new Malformed('a signer goes back, to what is there')
  if (isAbandoned(state.retreats, { size: abandonedSize, root: abandonedRoot })) {
    throw new Malformed('the signer gave this up before')
  }
  return { ...state, retreats: [...state.retreats, gone] }
}

function readKeyAdded(data: unknown): KeyAdded {
  const { owner, vkey, replaces } = fields(data, ['owner', 'vkey', 'replaces'])
  if (!isOwner(owner) || typeof vkey !== 'string' || (replaces !== null && typeof replaces !== 'string')) {
    throw new Malformed('not the data of key-added')
  }
  return { owner, vkey, replaces }
}

function readKeyRetired(data: unknown): KeyRetired {
  const { owner, vkey, reason } = fields(data, ['owner', 'vkey', 'reason'])
  if (!isOwner(owner) || typeof vkey !== 'string' || (reason !== 'rotated' && reason !== 'stolen')) {
    throw new Malformed('not the data of key-retired')
  }
  return { owner, vkey, reason }
}

function readPolicyChanged(data: unknown): PolicyChanged {
  const { number, policy } = fields(data, ['number', 'policy'])
  if (!isSize(number) || typeof policy !== 'string') throw new Malformed('not the data of policy-changed')
  return { number, policy }
}

function readRetreat(data: unknown): SignerRetreat {
  const { size, root, abandonedSize, abandonedRoot } = fields(data, ['size', 'root', 'abandonedSize', 'abandonedRoot'])
  if (!isSize(size) || !isSize(abandonedSize) || !isRoot(root) || !isRoot(abandonedRoot)) {
    throw new Malformed('not the data of signer-retreat')
  }
  return { size, root, abandonedSize, abandonedRoot }
}

/** The members of an object that has these and no others. */
function fields<Name extends string>(data: unknown, names: readonly Name[]): { [K in Name]?: unknown } {
  const object = Object(data) as { [K in Name]?: unknown }
  const isExact = Object.keys(object).length === names.length && names.every((name) => Object.hasOwn(object, name))
  if (!isExact) throw new Malformed(`the data is exactly {${names.join(', ')}}`)
  return object
}

function isOwner(value: unknown): value is KeyOwner {
  return value === 'log' || value === 'witness'
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isRoot(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}
