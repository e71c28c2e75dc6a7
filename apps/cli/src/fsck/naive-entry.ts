// The entries of the ledger read once more, apart from libs/ledger-core: an entry has exactly one spelling, which is
// canonical JSON of one wrapper with exactly its members.

export type Run = { producer: string; fromSeq: number; count: number }
export type Header = {
  height: number
  prevHash: string
  firstIndex: number
  count: number
  controls: number
  root: string
  runs: Run[]
  epoch: number
  time: number
}
export type Leaf = { producer: string; seq: number; tag: string; commitment: string }
export type Genesis = {
  origin: string
  logKeys: string[]
  operators: string[]
  producers: Record<string, string>
}
export type Admin = {
  type: string
  /** Usually an object; whatever it is, operators approved it. */
  data: unknown
  approvals: { operator: string; signature: string }[]
}

export type Entry = { genesis: Genesis } | { admin: Admin } | { leaf: Leaf } | { block: Header }

const MEMBERS: Record<string, string> = {
  genesis: 'logKeys,operators,origin,previous,producers,v',
  admin: 'approvals,data,type,v',
  leaf: 'commitment,producer,seq,tag,v',
  block: 'controls,count,epoch,firstIndex,height,prevHash,root,runs,time,v',
}
const LEAF =
  /^\{"leaf":\{"commitment":"([0-9a-f]{64})","producer":"([a-z][a-z0-9-]{0,62})","seq":([1-9]\d{0,15}),"tag":"([0-9a-f]{64})","v":1\}\}$/

/** The entry that the bytes spell, or null when they spell none. */
export function entryOf(bytes: Uint8Array): Entry | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const leaf = LEAF.exec(text)
  if (leaf) {
    const [, commitment = '', producer = '', seq, tag = ''] = leaf
    return Number.isSafeInteger(Number(seq)) ? { leaf: { producer, seq: Number(seq), tag, commitment } } : null
  }
  return otherEntryOf(bytes)
}

function otherEntryOf(bytes: Uint8Array): Entry | null {
  try {
    // What is no UTF-8 throws, and a byte order mark stays: other bytes are never the same text.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const wrapper = JSON.parse(text) as Record<string, Record<string, unknown>>
    const [kind = '', ...more] = Object.keys(wrapper)
    const inside = wrapper[kind]
    if (kind === 'leaf' || more.length > 0 || inside === undefined || inside['v'] !== 1) return null
    if (Object.keys(inside).toSorted().join() !== MEMBERS[kind] || canonical(wrapper) !== text) return null
    return HAS_FORM[kind]?.(inside) ? (wrapper as Entry) : null
  } catch {
    return null
  }
}

const HAS_FORM: Record<string, (inside: Record<string, unknown>) => boolean> = {
  genesis: isGenesis,
  admin: isAdmin,
  block: isHeader,
}

function isGenesis({ origin, logKeys, operators, producers }: Record<string, unknown>): boolean {
  const links = typeof producers === 'object' && producers !== null && Object.values(producers)
  return typeof origin === 'string' && isTexts(logKeys) && isTexts(operators) && isTexts(links)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function isAdmin({ type, approvals }: Record<string, unknown>): boolean {
  return typeof type === 'string' && Array.isArray(approvals) && approvals.every(isApproval)
}

function isApproval(one: unknown): boolean {
  const { operator, signature } = Object(one) as Partial<Admin['approvals'][number]>
  return typeof operator === 'string' && typeof signature === 'string'
}

/** A member of an entry's data, of whatever kind the data is. */
export function memberOf(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[name] : undefined
}

function isHeader(header: Record<string, unknown>): boolean {
  const numbers = ['height', 'firstIndex', 'count', 'controls', 'epoch', 'time'].map((name) => header[name])
  const hashes = [header['prevHash'], header['root']]
  const { runs } = header
  return (
    numbers.every(isCount) &&
    hashes.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)) &&
    Array.isArray(runs) &&
    runs.every((run: Run) => typeof run.producer === 'string' && isCount(run.fromSeq) && isCount(run.count))
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** RFC 8785 for what entries and bodies hold: members by UTF-16 code units, no white space. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}
