// Which keys of the log sign for which sizes, told once more from the entries alone: a key that is added at an index
// counts from the next size on, one that is retired counts up to its index. And who approved what changes that.
import { createPublicKey, verify } from 'node:crypto'
import { canonical, memberOf, type Admin, type Genesis } from './naive-entry.js'

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const APPROVALS = 2

type Span = { vkey: string; from: number; until: number }

export class NaiveKeys {
  private readonly spans: Span[] = []
  private operators: readonly string[] = []
  private origin = ''

  genesis({ origin, logKeys, operators }: Genesis): void {
    this.origin = origin
    this.operators = operators
    this.spans.push(...logKeys.map((vkey) => ({ vkey, from: 0, until: Infinity })))
  }

  /** What is wrong with an administration entry as one that changes keys or is approved; null when nothing is. */
  admin(index: number, admin: Admin): string | null {
    if (!this.isApproved(index, admin)) return 'it lacks the approvals of two operators'
    const { type, data } = admin
    if (memberOf(data, 'owner') !== 'log') return null
    const vkey = String(memberOf(data, 'vkey'))
    if (type === 'key-added') return this.add(index, vkey, String(memberOf(data, 'replaces')))
    return type === 'key-retired' ? this.retire(index, vkey) : null
  }

  /** The keys whose signatures count for a tree of this size. */
  at(size: number): string[] {
    return this.spans.filter(({ from, until }) => from <= size && size <= until).map(({ vkey }) => vkey)
  }

  private add(index: number, vkey: string, replaces: string): string | null {
    const isKnown = this.spans.some((span) => span.vkey === vkey)
    const isOfLog = vkey.startsWith(`${this.origin}+`) && this.at(index).includes(replaces)
    this.spans.push({ vkey, from: index + 1, until: Infinity })
    return isKnown || !isOfLog ? 'it adds a key that is known already, of another log, or in place of none' : null
  }

  private retire(index: number, vkey: string): string | null {
    const span = this.spans.find((one) => one.vkey === vkey && one.until === Infinity)
    if (!span || this.at(index).length === 1) return 'it retires a key that is not in force, or the last one'
    span.until = index
    return null
  }

  private isApproved(index: number, { type, data, approvals }: Admin): boolean {
    const message = Buffer.from(canonical([this.origin, index, type, data]))
    const good = approvals.flatMap(({ operator, signature }) => {
      const vkey = this.operators.find((one) => one.startsWith(`${operator}+`))
      return vkey !== undefined && isSignedBy(vkey, message, signature) ? [vkey] : []
    })
    return new Set(good).size >= APPROVALS
  }
}

function isSignedBy(vkey: string, message: Buffer, signature: string): boolean {
  const key = Buffer.from(vkey.slice(vkey.indexOf('+', vkey.indexOf('+') + 1) + 1), 'base64').subarray(1)
  if (key.length !== 32) return false
  const publicKey = createPublicKey({ key: Buffer.concat([ED25519_SPKI, key]), format: 'der', type: 'spki' })
  return verify(null, message, publicKey, Buffer.from(signature, 'base64'))
}
