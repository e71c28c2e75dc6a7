// C2SP tlog-policy: which logs somebody trusts, and which witnesses must have co-signed.
import type { Sha256 } from '@careseal/merkle'
import { hex } from '@careseal/crypto/portable'
import { asCosignatureKey } from './cosignature.js'
import { Malformed, parseDecimal } from './malformed.js'
import { identityOf } from './note.js'
import { COSIGNATURE_V1, ED25519, ML_DSA_44, parseVkey, type Vkey } from './vkey.js'

export type PolicyLog = { vkey: Vkey; url: string | null }
export type PolicyWitness = { name: string; vkey: Vkey; url: string | null }
/** Holds when at least `threshold` of its members hold. */
export type PolicyGroup = { name: string; threshold: number; members: string[] }

/** `quorum` names a witness or a group, or is null: no cosignature is needed. */
export type Policy = {
  logs: PolicyLog[]
  witnesses: PolicyWitness[]
  groups: PolicyGroup[]
  quorum: string | null
}

const NONE = 'none'

/** Reads a policy file. Throws Malformed with the number of the line at fault. */
export function parsePolicy(sha256: Sha256, text: string): Policy {
  const reader = new PolicyReader(sha256)
  for (const [i, line] of text.split('\n').entries()) {
    const fields = line.split(/[ \t]+/).filter((field) => field !== '')
    if (fields.length === 0 || fields[0]!.startsWith('#')) continue
    try {
      reader.read(line, fields)
    } catch (error) {
      throw new Malformed(`policy line ${i + 1}: ${error instanceof Malformed ? error.message : 'not readable'}`)
    }
  }
  return reader.policy()
}

/** Whether the quorum is met by the witnesses whose cosignatures were verified, given by their names in the policy. */
export function satisfies(policy: Policy, cosigned: ReadonlySet<string>): boolean {
  return policy.quorum === null || holds(policy, policy.quorum, cosigned)
}

/**
 * Whether so many witnesses have spoken that no quorum can be met without one of them: of any k out of n, n − k + 1.
 *
 * Whatever was ever published under this policy was then seen by one of those who spoke.
 */
export function meetsEveryQuorum(policy: Policy, spoken: ReadonlySet<string>): boolean {
  if (policy.quorum === null) return true
  const silent = policy.witnesses.map(({ name }) => name).filter((name) => !spoken.has(name))
  return !satisfies(policy, new Set(silent))
}

// Members are defined on earlier lines than their group, so this ends.
function holds(policy: Policy, name: string, cosigned: ReadonlySet<string>): boolean {
  const group = policy.groups.find((each) => each.name === name)
  if (group === undefined) return cosigned.has(name)
  return group.members.filter((member) => holds(policy, member, cosigned)).length >= group.threshold
}

class PolicyReader {
  private readonly logs: PolicyLog[] = []
  private readonly witnesses: PolicyWitness[] = []
  private readonly groups: PolicyGroup[] = []
  private readonly names = new Set<string>()
  private readonly grouped = new Set<string>()
  private quorum: string | null | undefined

  constructor(private readonly sha256: Sha256) {}

  read(line: string, [keyword, ...fields]: string[]): void {
    if (line.endsWith('\r')) throw new Malformed('a Windows line end (CRLF): save the file with line feeds alone')
    // oxlint-disable-next-line no-control-regex -- these characters are what the format forbids
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw new Malformed('a control byte')
    if (keyword === 'log') this.log(fields)
    else if (keyword === 'witness') this.witness(fields)
    else if (keyword === 'group') this.group(fields)
    else if (keyword === 'quorum') this.setQuorum(fields)
    else throw new Malformed('an unknown keyword')
  }

  policy(): Policy {
    if (this.quorum === undefined) throw new Malformed('a policy has a quorum')
    return { logs: this.logs, witnesses: this.witnesses, groups: this.groups, quorum: this.quorum }
  }

  private log([key, url, ...more]: string[]): void {
    if (key === undefined || more.length > 0) throw new Malformed('log <vkey> [<url>]')
    const vkey = parseVkey(this.sha256, key)
    if (vkey.type !== ED25519) throw new Malformed('a log has an Ed25519 key')
    this.refuseTwin(this.logs, vkey)
    this.logs.push({ vkey, url: url ?? null })
  }

  private witness([name, key, url, ...more]: string[]): void {
    if (name === undefined || key === undefined || more.length > 0) {
      throw new Malformed('witness <name> <vkey> [<url>]')
    }
    const vkey = asCosignatureKey(this.sha256, parseVkey(this.sha256, key))
    if (vkey.type !== COSIGNATURE_V1 && vkey.type !== ML_DSA_44) throw new Malformed('a witness has a cosignature key')
    this.refuseTwin(this.witnesses, vkey)
    this.define(name)
    this.witnesses.push({ name, vkey, url: url ?? null })
  }

  private group([name, kind, ...members]: string[]): void {
    if (name === undefined || kind === undefined || members.length === 0) {
      throw new Malformed('group <name> all|any|<k> <member>...')
    }
    for (const member of members) {
      if (!this.names.has(member)) throw new Malformed('a member that no earlier line defines')
      if (this.grouped.has(member)) throw new Malformed('a member of two groups')
      this.grouped.add(member)
    }
    const threshold = kind === 'all' ? members.length : kind === 'any' ? 1 : parseDecimal(kind)
    if (threshold < 1 || threshold > members.length) throw new Malformed('a threshold that no members can meet')
    this.define(name)
    this.groups.push({ name, threshold, members })
  }

  private setQuorum([name, ...more]: string[]): void {
    if (name === undefined || more.length > 0) throw new Malformed('quorum <name>|none')
    if (this.quorum !== undefined) throw new Malformed('a second quorum')
    if (name !== NONE && !this.names.has(name)) throw new Malformed('a quorum that no earlier line defines')
    this.quorum = name === NONE ? null : name
  }

  private define(name: string): void {
    if (name === NONE || this.names.has(name)) throw new Malformed('a name that is reserved or taken')
    this.names.add(name)
  }

  // Key IDs are short enough to find another key with the same one, and a signature line names no more than that.
  private refuseTwin(others: readonly { vkey: Vkey }[], vkey: Vkey): void {
    const isSame = (other: Vkey) => hex(other.publicKey) === hex(vkey.publicKey)
    if (others.some((other) => isSame(other.vkey))) throw new Malformed('a key listed twice')
    const all = [...this.logs, ...this.witnesses]
    if (all.some((other) => identityOf(other.vkey) === identityOf(vkey))) {
      throw new Malformed('two keys of one name and key ID')
    }
  }
}
