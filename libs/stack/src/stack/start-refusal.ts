// What a service that runs says by itself about why it will never be ready: waiting for it would only hide the reason,
// and the runbook that mends it.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import type { ServiceName } from './services.js'

/** A service that has been started: where it answers, and its log from this start on. */
export type Started = { name: ServiceName; url: string; logFile: string; logFrom: number }

const RUNBOOKS = 'docs/operations'
const LOG_BYTES_MAX = 1024 * 1024

/** Why it refuses to serve for good, with the code, the runbook and the command; null while it may become ready. */
export async function startRefusal(started: Started): Promise<string | null> {
  if (started.name === 'ledger-sequencer') return haltOf(started.url)
  return isRolledBack(started) ? rollbackOf(started.name) : null
}

async function haltOf(url: string): Promise<string | null> {
  try {
    const answer = await fetch(`${url}/ledger/status`, { signal: AbortSignal.timeout(2_000) })
    const { halt } = (await answer.json()) as { halt?: { code: string; detail: string } }
    if (!halt) return null
    const commands = 'careseal ledger recover, then careseal signer retreat where no mirror holds what is missing'
    const next = halt.code === 'rollback-detected' ? `: ${commands}` : ''
    return `${halt.code}: ${halt.detail}. Runbook: ${RUNBOOKS}/rollback-detected.md${next}`
  } catch {
    // It does not answer yet.
    return null
  }
}

// `/readyz` tells names and states alone, to everybody; the log says which of them it is.
function isRolledBack({ logFile, logFrom }: Started): boolean {
  return textFrom(logFile, logFrom).includes('"code":"PRODUCER_ROLLBACK"')
}

function rollbackOf(name: ServiceName): string {
  const mend = `careseal producer recover ${name} --yes`
  return `producer-rollback: the ledger holds events that its database lacks. Runbook: ${RUNBOOKS}/producer-rollback.md: ${mend}`
}

function textFrom(file: string, from: number): string {
  if (!existsSync(file)) return ''
  const { size } = statSync(file)
  // One that is shorter than it was is a new one: the old one had grown too large.
  const first = size < from ? 0 : from
  const buffer = Buffer.alloc(Math.min(LOG_BYTES_MAX, size - first))
  const handle = openSync(file, 'r')
  readSync(handle, buffer, 0, buffer.length, first)
  closeSync(handle)
  return buffer.toString('utf8')
}
