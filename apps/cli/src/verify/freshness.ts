// How old what a witness said may be: a ledger that is cut off from its witnesses shows an old checkpoint for ever.
import { satisfies, type Policy, type TrustedCheckpoint, type Trust } from '@careseal/ledger-core'
import { InvalidArgumentError } from 'commander'

/** What clocks may differ by: a cosignature from later than that says nothing about now. */
const AHEAD_SECONDS_MAX = 300
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `90s`, `10m`, `2h`, `1d`, or of a bare number. For commander. */
export function durationSeconds(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  if (number !== undefined) return Number(number) * (UNIT_SECONDS[unit] as number)
  throw new InvalidArgumentError('must be a time like 90s, 10m, 2h or 1d')
}

/**
 * How many seconds ago a quorum had co-signed: since the newest time at or after which witnesses that meet it by
 * themselves did. So fewer than a quorum make nothing look fresh. Without a quorum one witness is enough.
 *
 * Null if there is no such time, as where no trusted witness has co-signed.
 */
export function ageOf(
  { cosignatures }: Pick<TrustedCheckpoint, 'cosignatures'>,
  policy: Policy | null,
  nowMs = Date.now(),
): number | null {
  const now = Math.floor(nowMs / 1000)
  const plausible = cosignatures.filter(({ timestamp }) => timestamp <= now + AHEAD_SECONDS_MAX)
  const newestFirst = plausible.toSorted((a, b) => b.timestamp - a.timestamp)
  const spoken = new Set<string>()
  for (const { witness, timestamp } of newestFirst) {
    spoken.add(witness)
    if (policy === null || satisfies(policy, spoken)) return Math.max(0, now - timestamp)
  }
  return null
}

/** The policy that somebody trusts; null for bare keys, which ask for no witness. */
export function policyIn(trust: Trust | null): Policy | null {
  return trust !== null && 'policy' in trust ? trust.policy : null
}
