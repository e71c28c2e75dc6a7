// The stack as a test holds it. Disposing it stops and removes everything, also when parts of it have died before.
import type { EventType } from '@careseal/contracts'
import type { ControlledNats, ControlledPart, ControlledService, ServiceName } from '@careseal/stack'
import type { ConsumerGrantOptions } from './options.js'

/** A made-up patient: the id of the FHIR resource, and the login that is the patient. */
export type SeededPatient = { readonly id: string; readonly login: string }

/** What `consume` of `@careseal/client` needs: spread it into its options. */
export type ConsumerAccess<T extends EventType = EventType> = {
  readonly nats: { readonly url: string; readonly seedFile: string }
  readonly durable: string
  readonly types: readonly T[]
}

/** A ledger that runs until it is disposed of. */
export interface CaresealStack extends AsyncDisposable {
  /** The one origin of all HTTP: `<origin>/fhir`, `<origin>/ledger/checkpoint`, `<origin>/docs`. */
  readonly origin: string
  /** Where NATS and Postgres run, and why there. */
  readonly mode: 'docker' | 'native'
  readonly reason: string
  readonly patients: readonly SeededPatient[]
  /** Whom {@link token} knows: `operator`, `hospital`, `lab`, `auditor`, `clinician`, `patient-1`, …; none without identity. */
  readonly logins: readonly string[]
  /** The services that were started; each can be killed and comes back. */
  readonly services: Readonly<Partial<Record<ServiceName, ControlledService>>>
  readonly nats: ControlledNats
  readonly postgres: ControlledPart
  /** For `careseal … --data-dir`, on this machine. */
  readonly dataDir: string
  /** The policy that the witnesses make; null where none co-sign. */
  readonly policyFile: string | null
  /** A bearer token; for `scope`, what the login's role usually asks for unless told. Rejects where identity does not run. */
  token(login: string, scope?: string): Promise<string>
  /** How a consumer of the options, or one that was added, connects. */
  consumer(name: string): ConsumerAccess
  /** Registers an outside consumer, or changes its grant. */
  addConsumer<T extends EventType>(name: string, grant: ConsumerGrantOptions | readonly T[]): Promise<ConsumerAccess<T>>
  /** Resolves when every service is ready again, after a kill for example. */
  untilReady(): Promise<void>
  /** Resolves when all that was written so far is below a published checkpoint. */
  untilSealed(): Promise<void>
  /** The last lines of each part's and each service's log. */
  logs(lines?: number): string
  /** Keeps the logs when the stack is disposed of: returns their folder. Call it when a test has failed. */
  keepLogs(): string
  /** Stops and removes everything. Safe to call twice. */
  [Symbol.asyncDispose](): Promise<void>
}
