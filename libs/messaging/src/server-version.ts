import type { ServerInfo } from 'nats'

/** Older servers store an atomic batch message by message and say nothing. */
export const OLDEST_SERVER = [2, 12] as const

/** Why this server cannot be used, or null. */
export function serverFault(info: Pick<ServerInfo, 'version' | 'jetstream' | 'headers'> | undefined): string | null {
  if (info === undefined) return 'the broker told nothing about itself'
  if (isTooOld(info.version)) return `nats-server ${info.version} is too old: Careseal needs ${OLDEST_SERVER.join('.')}`
  if (info.headers !== true) return 'the broker has headers turned off'
  if (info.jetstream !== true) return 'the broker has JetStream turned off'
  return null
}

function isTooOld(version: string): boolean {
  const [major = Number.NaN, minor = Number.NaN] = version.split('.').map((part) => Number.parseInt(part, 10))
  const [oldestMajor, oldestMinor] = OLDEST_SERVER
  return !(major > oldestMajor || (major === oldestMajor && minor >= oldestMinor))
}
