// What a test may ask for, checked before anything starts: a wrong option is told by its name.
import { ConsumerName, EVENT_TYPES, type EventType } from '@careseal/contracts'
import type { ServiceName } from '@careseal/stack'
import { TestKitError } from './failures.js'
import { servicesFor } from './services.js'

/**
 * Where NATS and Postgres run. `auto` takes what CARESEAL_TEST_KIT_MODE says, else docker where an engine answers and has
 * the images, else native.
 */
export type StackMode = 'auto' | 'docker' | 'native'

/** The event types that an outside consumer may read; `recipient` when it keeps personal data and forgets on command. */
export type ConsumerGrantOptions = { types: readonly EventType[]; recipient?: boolean }

export type CaresealStackOptions = {
  /** Default `auto`. */
  mode?: StackMode
  /** Default all five. What a service needs is started with it. */
  services?: readonly ServiceName[]
  /** How many made-up patients are there, each with a login `patient-<n>`. Default 2, or 0 without records. */
  patients?: number
  /** Outside consumers by name, each with a NATS user of its own. More of them later by `addConsumer`. */
  consumers?: Readonly<Record<string, ConsumerGrantOptions | readonly EventType[]>>
  /** How many witnesses co-sign; more than half of them must. Default 0. */
  witnesses?: number
  /** True for a ledger begun anew, with keys of its own; slower. Default: a copy of one prepared for this version. */
  fresh?: boolean
  /** Additional environment of all services, such as `{ LOG_LEVEL: 'debug' }`. */
  env?: Readonly<Record<string, string>>
  /** Told which mode was taken and why, and how long the start took. Default: lines on stderr. */
  log?: (line: string) => void
}

export type Grant = { name: string; types: EventType[]; recipient: boolean }

/** The options of one start, complete. */
export type Plan = {
  mode: StackMode
  services: ServiceName[]
  patients: number
  consumers: Grant[]
  witnesses: number
  fresh: boolean
  env: Record<string, string>
  log: (line: string) => void
}

const PATIENTS_DEFAULT = 2
const PATIENTS_MAX = 100
const WITNESSES_MAX = 9
const MODES: readonly StackMode[] = ['auto', 'docker', 'native']

/** Completes the options. Throws a TestKitError that names the option which is wrong. */
export function planOf(options: CaresealStackOptions): Plan {
  const { mode = 'auto', witnesses = 0, fresh = false, env = {}, log = toStderr } = options
  if (!MODES.includes(mode)) throw bad('mode', `"${mode}" is none of ${MODES.join(', ')}`)
  const asked = servicesFor(options.services)
  const patients = options.patients ?? (asked.includes('records') ? PATIENTS_DEFAULT : 0)
  checkCount('patients', patients, PATIENTS_MAX)
  checkCount('witnesses', witnesses, WITNESSES_MAX)
  const services = patients > 0 ? servicesFor([...asked, 'records']) : asked
  const consumers = Object.entries(options.consumers ?? {}).map(([name, grant]) => grantOf(name, grant))
  return { mode, services, patients, consumers, witnesses, fresh, env: { ...env }, log }
}

/** A consumer's grant, checked. */
export function grantOf(name: string, grant: ConsumerGrantOptions | readonly EventType[]): Grant {
  const { types, recipient = false } = isTypes(grant) ? { types: grant } : grant
  const parsed = ConsumerName.safeParse(name)
  if (!parsed.success) throw bad(`consumers.${name}`, `the name must be ${parsed.error.issues[0]?.message}`)
  const unknown = types.find((type) => !EVENT_TYPES.includes(type))
  if (unknown !== undefined) {
    throw bad(`consumers.${name}`, `"${unknown}" is no event type; they are ${EVENT_TYPES.join(', ')}`)
  }
  if (types.length === 0) throw bad(`consumers.${name}`, 'name one event type at least')
  return { name, types: [...new Set(types)], recipient }
}

function isTypes(grant: ConsumerGrantOptions | readonly EventType[]): grant is readonly EventType[] {
  return Array.isArray(grant)
}

function checkCount(option: string, count: number, max: number): void {
  if (!Number.isInteger(count) || count < 0 || count > max) throw bad(option, `${count} is no whole number 0 to ${max}`)
}

function bad(option: string, what: string): TestKitError {
  return new TestKitError('bad-option', `${option}: ${what}`)
}

function toStderr(line: string): void {
  process.stderr.write(`careseal: ${line}\n`)
}
