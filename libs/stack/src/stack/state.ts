// What a running stack writes down, so that `status`, `token`, `down` and the other commands find it.
import type { DataDir } from './data-dir.js'
import { isRunning } from './pid-file.js'
import type { ServiceName } from './services.js'

/** Somebody who can get a token; `clientId` is the one that the authorisation server knows. */
export type Login = { name: string; role: string; clientId: string }

export type StackState = {
  v: 1
  origin: string
  dataDir: string
  /** The supervisor's process. */
  pid: number
  /** When that began, as startOf() tells it; older versions wrote none. */
  processStart?: string | null
  startedAt: string
  demo: boolean
  /** The name of the log, as its checkpoints bear it. */
  ledgerOrigin: string
  nats: string
  /** The superuser's URL, with its password: this file is 0600. */
  postgres: string
  services: Record<ServiceName, { url: string; metricsUrl: string }>
  /** Empty where nobody co-signs. */
  witnesses: { name: string; url: string; vkey: string }[]
  /** The policy that these witnesses make, for `careseal verify --policy`. */
  policyFile: string | null
  /** How the signer is reached where it is a process of its own: environment of the sequencers. */
  signer?: Record<string, string>
  logins: Login[]
}

const FILE = 'state.json'
/** There once the folder's ledger has begun. */
export const INITIALISED = 'ledger-initialised.json'

/** The origin of the ledger that the folder holds, running or not; null where none has begun. */
export function originOf(dataDir: DataDir): string | null {
  return dataDir.readJson<{ origin: string }>(INITIALISED)?.origin ?? null
}

/** Whether the folder holds a ledger, running or not. */
export function holdsLedger(dataDir: DataDir): boolean {
  return originOf(dataDir) !== null
}

/** The state of the stack that runs on this data folder, or null when none does. */
export function readRunningState(dataDir: DataDir): StackState | null {
  const state = dataDir.readJson<StackState>(FILE)
  return state && isRunning(state.pid, state.processStart) ? state : null
}

/** The state that was written last, running or not. */
export function readLastState(dataDir: DataDir): StackState | null {
  return dataDir.readJson<StackState>(FILE)
}

export function writeState(dataDir: DataDir, state: StackState): void {
  dataDir.writeJson(FILE, state)
}

export function removeState(dataDir: DataDir): void {
  dataDir.remove(FILE)
}
