// How old what a witness said may be: a ledger that is cut off from its witnesses shows an old checkpoint for ever.
import type { TrustedCheckpoint } from '@careseal/ledger-core'
import { InvalidArgumentError } from 'commander'

const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `90s`, `10m`, `2h`, `1d`, or of a bare number. For commander. */
export function durationSeconds(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  if (number !== undefined) return Number(number) * (UNIT_SECONDS[unit] as number)
  throw new InvalidArgumentError('must be a time like 90s, 10m, 2h or 1d')
}

/** How many seconds ago the newest cosignature was made; null if no trusted witness has co-signed. */
export function ageOf({ cosignatures }: Pick<TrustedCheckpoint, 'cosignatures'>, nowMs = Date.now()): number | null {
  if (cosignatures.length === 0) return null
  const newest = Math.max(...cosignatures.map(({ timestamp }) => timestamp))
  return Math.max(0, Math.floor(nowMs / 1000) - newest)
}
