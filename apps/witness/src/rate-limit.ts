// So many requests a minute for each client address: a bucket that fills evenly and holds one minute's worth.

const CLIENTS_MAX = 10_000

type Bucket = { left: number; atMs: number }

export class RateLimit {
  /** Oldest first: whoever asks moves to the end, and beyond CLIENTS_MAX the first are forgotten. */
  private readonly buckets = new Map<string, Bucket>()

  /** `nowMs` never goes back. */
  constructor(
    private readonly perMinute: number,
    private readonly nowMs: () => number,
  ) {}

  /** Null when the client may ask; else how many seconds it should wait. */
  take(address: string | undefined): number | null {
    const client = clientOf(address)
    const atMs = this.nowMs()
    const before = this.buckets.get(client) ?? { left: this.perMinute, atMs }
    const left = Math.min(this.perMinute, before.left + ((atMs - before.atMs) * this.perMinute) / 60_000)
    this.buckets.delete(client)
    this.buckets.set(client, { left: Math.max(0, left < 1 ? left : left - 1), atMs })
    if (this.buckets.size > CLIENTS_MAX) this.buckets.delete(this.buckets.keys().next().value as string)
    return left < 1 ? Math.ceil(((1 - left) * 60) / this.perMinute) : null
  }
}

/** An IPv6 host may speak from any address of its /64: they count as one. */
function clientOf(address = ''): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}
