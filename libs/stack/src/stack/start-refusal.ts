// What a service that runs says by itself about why it will never be ready: waiting for it would only hide the reason,
// and the runbook that mends it.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from './services.js'

/** A service that has been started: where it answers, and its log from this start on. */
export type Started = { name: ServiceName; url: string; logFile: string; logFrom: number }

const RUNBOOKS = 'docs/operations'
const LOG_BYTES_MAX = 1024 * 1024
/** What the ledger says of each is known a few seconds after the first, on a machine with few cores. */
const OTHERS_MS_MAX = 15_000
const POLL_MS = 250

/**
 * Why it refuses to serve for good, with the code, the runbook and the command; null while it may become ready.
 *
 * An old copy of a whole database rolls several services back: `others` that are rolled back, too, are named with it.
 */
export async function startRefusal(started: Started, others: readonly Started[] = []): Promise<string | null> {
  if (started.name === 'ledger-sequencer') return haltOf(started.url)
  if (!isRolledBack(started)) return null
  const producers = others.filter(({ name }) => name !== 'ledger-sequencer')
  await untilDecided(producers)
  return rollbackOf([started, ...producers.filter(isRolledBack)].map(({ name }) => name))
}

async function haltOf(url: string): Promise<string | null> {
  try {
    const answer = await fetch(`${url}/ledger/status`, { signal: AbortSignal.timeout(2_000) })
    const { halt } = (await answer.json()) as { halt?: { code: string; detail: string } }
    if (!halt) return null
    const commands = 'careseal ledger recover, then careseal signer retreat where no mirror holds what is missing'
    const next = halt.code === 'rollback-detected' ? `rollback-detected.md: ${commands}` : 'ledger-halted.md'
    return `${halt.code}: ${halt.detail}. Runbook: ${RUNBOOKS}/${next}`
  } catch {
    // It does not answer yet.
    return null
  }
}

// `/readyz` tells names and states alone, to everybody; the log says which of them it is.
function isRolledBack({ logFile, logFrom }: Started): boolean {
  return textFrom(logFile, logFrom).includes('"code":"PRODUCER_ROLLBACK"')
}

async function untilDecided(others: readonly Started[]): Promise<void> {
  const deadline = performance.now() + OTHERS_MS_MAX
  while (performance.now() < deadline) {
    const decided = await Promise.all(others.map(async (one) => isRolledBack(one) || (await isReady(one))))
    if (!decided.includes(false)) return
    await delay(POLL_MS)
  }
}

function isReady({ url }: Started): Promise<boolean> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
}

function rollbackOf(names: readonly ServiceName[]): string {
  const lacking = names.length === 1 ? 'its database lacks' : `the databases of ${names.join(', ')} lack`
  const mend = `careseal producer recover ${names.join(' ')} --yes`
  return `producer-rollback: the ledger holds events that ${lacking}. Runbook: ${RUNBOOKS}/producer-rollback.md: ${mend}`
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
