// The five services of one stack: migrated, started together, each kept running on its ports until all are stopped.
import { existsSync, statSync } from 'node:fs'
import { databaseServiceOf, environmentOf, migrationEnvironmentOf, SERVICE_NAMES } from './services.js'
import type { ServiceName, Surroundings } from './services.js'
import { PRODUCERS } from '@careseal/contracts'
import { operatorVkeys } from './credentials.js'
import type { DataDir } from './data-dir.js'
import { EXIT_CONFIG, lastLines, runServiceScript, startServiceProcess, untilReady } from './service-process.js'
import { holdsLedger, INITIALISED } from './state.js'
import { startRefusal, type Started } from './start-refusal.js'
import { Supervised } from './supervised.js'
import type { Child } from '../parts/child.js'

/** One that never will be ready says so or crashes; a machine that stands still for a minute is no fault of it. */
const READY_DEADLINE_MS = 180_000
const CRASHES_AT_START_MAX = 5
/** How often a service that is not ready yet is asked whether it ever will be. */
const REFUSAL_MS = 1_000
/** Imports of the framework cost most of a migration's time, and there are two cores. */
const MIGRATIONS_AT_ONCE = 2

/** A service as tests and the supervisor hold it. */
export type ControlledService = {
  readonly url: string
  readonly metricsUrl: string
  /** 0 while it is being started again. */
  readonly pid: number
  readonly restarts: number
  readonly logFile: string
  /** kill -9; it comes back by itself. */
  kill(): Promise<void>
  untilReady(): Promise<void>
  /** Stops it in order, does `work`, and starts it again whatever came of the work. */
  whileStopped<T>(work: () => Promise<T>): Promise<T>
}

export type ServiceSetOptions = {
  /** Those that are started; default all. The others stay away, with pid 0. */
  names?: readonly ServiceName[] | undefined
  /** Those that a start waits for; default all that are started. */
  awaited?: readonly ServiceName[] | undefined
  around: Surroundings
  dataDir: DataDir
  /** Additional environment of all services. */
  env: Record<string, string>
  onCrash: (name: string, error: unknown) => void
  restartDelayMsMax?: number | undefined
  /** Where another process may do the service's work, it is ready when one of them is. */
  untilEitherReady?: ((name: ServiceName) => Promise<void> | null) | undefined
}

type Waiting = { refusal?: (() => Promise<string | null>) | undefined; signal?: AbortSignal }

type Supervision = { supervised: Supervised<Child>; crashes: number; lastExitCode: number | null }

export class ServiceSet {
  readonly controlled = {} as Record<ServiceName, ControlledService>
  private readonly supervisions = new Map<ServiceName, Supervision>()

  private readonly names: readonly ServiceName[]

  constructor(private readonly options: ServiceSetOptions) {
    this.names = SERVICE_NAMES.filter((name) => options.names?.includes(name) ?? true)
    for (const name of SERVICE_NAMES) {
      this.supervisions.set(name, this.supervise(name))
      this.controlled[name] = this.control(name)
    }
  }

  /** Brings every service's schema up to date. Throws with the end of the log of the first that fails. */
  async migrate(): Promise<void> {
    const left = [...this.names]
    const worker = async () => {
      for (let name = left.shift(); name; name = left.shift()) {
        const env = { ...migrationEnvironmentOf(name, this.options.around), ...this.options.env }
        await runServiceScript({ ...this.program(name, 'migrate'), env })
      }
    }
    await Promise.all(Array.from({ length: MIGRATIONS_AT_ONCE }, worker))
  }

  /** Makes key, genesis and signer state in a new data folder, or goes on with an unfinished one. */
  async initialiseLedger(): Promise<void> {
    const { dataDir, around } = this.options
    if (holdsLedger(dataDir)) return
    const name = 'ledger-sequencer'
    const genesis = { PRODUCERS: PRODUCERS.join(','), OPERATOR_VKEYS: operatorVkeys(dataDir).join(',') }
    const env = { ...environmentOf(name, around), ...genesis, SIGNER_STATE_DIR: around.files.signerState }
    await runServiceScript({ ...this.program(name, 'init'), env })
    // From here on a missing signer state is a loss, not a new ledger: init is never called again.
    dataDir.writeJson(INITIALISED, { origin: around.ledgerOrigin })
  }

  /** Starts all services at once and resolves when all that are awaited are ready. Throws at once for one that never is. */
  async start(): Promise<void> {
    const { awaited, untilEitherReady } = this.options
    const waitedFor = this.names.filter((name) => awaited?.includes(name) ?? true)
    const starting = waitedFor.map((name) => this.starting(name))
    const refusals = new Map(starting.map((one) => [one.name, this.refusalOf(one, starting)]))
    await Promise.all(this.names.map((name) => this.supervisions.get(name)?.supervised.start()))
    // Once one has failed nobody waits for the others, or this process would live until their deadline.
    const waiting = new AbortController()
    const serving = (name: ServiceName) =>
      this.untilServing(name, { refusal: refusals.get(name), signal: waiting.signal })
    try {
      await Promise.all(waitedFor.map((name) => untilEitherReady?.(name) ?? serving(name)))
    } finally {
      waiting.abort()
    }
  }

  async untilReady(): Promise<void> {
    const { untilEitherReady } = this.options
    await Promise.all(this.names.map((name) => untilEitherReady?.(name) ?? this.controlled[name].untilReady()))
  }

  /** Stops the producers first, so that the sequencer seals what they still send. */
  async stop(): Promise<void> {
    const stop = (name: ServiceName) => this.supervisions.get(name)?.supervised.stop()
    await Promise.all(SERVICE_NAMES.filter((name) => name !== 'ledger-sequencer').map(stop))
    await stop('ledger-sequencer')
  }

  urls(): Record<ServiceName, { url: string; metricsUrl: string }> {
    const entries = SERVICE_NAMES.map((name) => {
      const { url, metricsUrl } = this.controlled[name]
      const { pair } = this.options.around
      const front = name === 'ledger-sequencer' && pair ? `http://${pair.host}:${pair.port}` : url
      return [name, { url: front, metricsUrl }]
    })
    return Object.fromEntries(entries) as Record<ServiceName, { url: string; metricsUrl: string }>
  }

  private program(service: ServiceName, name: 'migrate' | 'init') {
    const { programs } = this.options.around
    return { service, script: `${name}.js`, programs, logFile: this.logFile(service, `-${name}`) }
  }

  private logFile(name: ServiceName, suffix = ''): string {
    return this.options.dataDir.path('logs', `${name}${suffix}.log`)
  }

  private supervise(name: ServiceName): Supervision {
    const { around, env, onCrash, restartDelayMsMax } = this.options
    const { programs } = around
    const start = async () => {
      const launcher = around.network.launcher?.(name) ?? []
      const options = { service: name, script: 'main.js', env: environmentOf(name, around, env), launcher, programs }
      const child = await startServiceProcess({ ...options, logFile: this.logFile(name) })
      void child.ended.then(({ code }) => (supervision.lastExitCode = code))
      return child
    }
    const supervision: Supervision = {
      crashes: 0,
      lastExitCode: null,
      supervised: new Supervised({
        name,
        start,
        delayMsMax: restartDelayMsMax,
        onCrash: (crashed, error) => {
          supervision.crashes += 1
          onCrash(crashed, error)
        },
      }),
    }
    return supervision
  }

  private control(name: ServiceName): ControlledService {
    const { host, port, metricsPort } = this.options.around.ports[name]
    const supervision = this.supervisions.get(name) as Supervision
    const url = `http://${host}:${port}`
    return {
      url,
      metricsUrl: `http://${host}:${metricsPort}/metrics`,
      logFile: this.logFile(name),
      get pid() {
        return supervision.supervised.current?.pid ?? 0
      },
      get restarts() {
        return supervision.supervised.restarts
      },
      kill: () => supervision.supervised.kill(),
      whileStopped: (work) => supervision.supervised.whileStopped(work),
      untilReady: () => this.untilServing(name),
    }
  }

  private untilServing(name: ServiceName, { refusal, signal }: Waiting = {}): Promise<void> {
    const supervision = this.supervisions.get(name) as Supervision
    const before = supervision.crashes
    const hasFailed = async () => this.failureOf(name, supervision, before) ?? (await refusal?.()) ?? null
    const url = `${this.controlled[name].url}/readyz`
    return untilReady(url, { name, deadlineMs: READY_DEADLINE_MS, hasFailed, signal })
  }

  // Made before the start: of the log only what follows counts.
  private starting(name: ServiceName): Started {
    const { url, logFile } = this.controlled[name]
    return { name, url, logFile, logFrom: existsSync(logFile) ? statSync(logFile).size : 0 }
  }

  private refusalOf(started: Started, all: readonly Started[]): () => Promise<string | null> {
    const others = all.filter((one) => one !== started)
    let askedAt = performance.now()
    return async () => {
      if (performance.now() - askedAt < REFUSAL_MS) return null
      askedAt = performance.now()
      return startRefusal(started, others)
    }
  }

  private failureOf(name: ServiceName, supervision: Supervision, crashesBefore: number): string | null {
    const isMisconfigured = supervision.lastExitCode === EXIT_CONFIG && supervision.crashes > crashesBefore
    if (!isMisconfigured && supervision.crashes - crashesBefore < CRASHES_AT_START_MAX) return null
    return `its database role is ${databaseServiceOf(name)}, its log ends with\n${lastLines(this.logFile(name))}`
  }
}
