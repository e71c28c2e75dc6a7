// The whole ledger on one machine: real NATS, real Postgres, five services behind one origin, and nothing left of them
// when it stops. A second start on the same data folder goes on where the first one ended.
import { mkdtempSync, rmSync, unwatchFile, watchFile } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, isPortFree } from '../parts/port.js'
import { natsSeedFile } from './credentials.js'
import { consumersFile } from './consumers.js'
import { openDataDir, type DataDir } from './data-dir.js'
import { OPERATOR, tokenOf, type LoginRecord } from './logins.js'
import { folderOf, type PACKED } from './packed-programs.js'
import { startParts, type NatsAuthorization, type Parts, type PartsKind } from './start-parts.js'
import { ServiceSet, type ControlledService } from './service-set.js'
import { placesOf, sequencerPair, type SequencerPair } from './sequencer-pair.js'
import type { ServiceName, ServicePorts, StackNetwork, Surroundings } from './services.js'
import { WitnessSet, type ControlledWitness } from './witness-set.js'
import { servicePorts, surroundingsOf } from './surroundings.js'
import { underStartLock } from './start-lock.js'
import { startOf } from './pid-file.js'
import { readRunningState, removeState, writeState, type Login, type StackState } from './state.js'
import type { ControlledNats, ControlledPart } from './parts.js'

/** What a start is made of, in this order; each is reported as it begins and as it is done. */
export const STEPS = [
  'programs',
  'parts',
  'database',
  'migrations',
  'ledger',
  'witnesses',
  'services',
  'gateway',
] as const
export type Step = (typeof STEPS)[number]

export type StackOptions = {
  /** Where NATS and Postgres come from. `auto` takes containers where they can be had and no data folder is given. */
  parts?: PartsKind
  /** Kept on stop. Without it a temporary folder is made and removed on stop. */
  dataDir?: string | undefined
  /** The port of the one origin; without it a free one is taken. */
  port?: number | undefined
  /** The services that are started; default all. Where another is asked for, the origin answers 503. */
  services?: readonly ServiceName[] | undefined
  /** The services that a start waits for; default all that are started. A rolled-back one is ready after its recovery. */
  awaited?: readonly ServiceName[] | undefined
  /**
   * The folder with the services' programs (`<service>/dist/main.js`); default the `apps` of the repository. `PACKED` are
   * those of the repository too, a few files each, which start faster.
   */
  programs?: string | typeof PACKED | undefined
  /** True where roles and tables of the data folder are known to be those of these programs. Default false. */
  isPrepared?: boolean
  /** Additional environment of all services, such as `LOG_LEVEL`. */
  env?: Record<string, string>
  /** Whether demo logins are offered. Default true. */
  demo?: boolean
  /** False turns fsync of Postgres off, for tests. Default true. */
  durable?: boolean
  /**
   * Renders the `authorization` block of nats.conf: `renderAuthorization` of `@careseal/messaging`. Without it every
   * user may do everything, but still has to prove that it holds its key.
   */
  natsAuthorization?: NatsAuthorization
  /** Told of each step, as it begins (`done` false) and as it is done. */
  onStep?: (step: Step, done: boolean) => void
  /** Ends a start: no further step begins, what has started is stopped, and its reason is thrown. */
  signal?: AbortSignal
  /** Told of each crash of a part or service, which is being started again. */
  onCrash?: (name: string, error: unknown) => void
  /** How many witnesses co-sign, a majority of which is the quorum. Default 0: nobody does. */
  witnesses?: number
  /** Where things listen and how services are launched, for tests that cut them off from one another. */
  network?: StackNetwork
  /** The longest pause before something that crashed is started again. Default 10 s. */
  restartDelayMsMax?: number
  /** 2 for a second sequencer that takes over, and a signer in a process of its own for both. Default 1. */
  sequencers?: 1 | 2
}

/** A running ledger. */
export type CaresealStack = {
  readonly origin: string
  readonly dataDir: DataDir
  readonly services: Record<ServiceName, ControlledService>
  readonly witnesses: readonly ControlledWitness[]
  /** The second sequencer and the signer of both; null where there is one sequencer. */
  readonly pair: Pick<SequencerPair, 'standby' | 'signer' | 'untilSealing'> | null
  readonly nats: ControlledNats
  readonly postgres: ControlledPart
  readonly demo: boolean
  /** The state as written for other processes. */
  state(): StackState
  /** An access token for a login: `operator`, or one that {@link registerLogin} knows. */
  tokenFor(login: string, scope?: string): Promise<string>
  /** Writes down a login whose client was registered with the authorisation server. */
  registerLogin(record: LoginRecord): void
  /** Resolves when every service is ready again, for example after a `kill`. */
  untilReady(): Promise<void>
  /** The file with the seed of a NATS user. */
  natsSeedFile(user: string): string
  /** Stops everything, in order. Safe to call twice. */
  stop(): Promise<void>
}

/** Starts it all and resolves when every service that is awaited is ready. On any failure what has started is stopped again. */
export async function createCaresealStack(options: StackOptions = {}): Promise<CaresealStack> {
  const dataDir = openStackDir(options.dataDir)
  return underStartLock(dataDir, () => startOn(dataDir, options))
}

async function startOn(dataDir: DataDir, options: StackOptions): Promise<CaresealStack> {
  const closers: (() => Promise<void>)[] = []
  const stop = once(async () => {
    for (const close of closers.toReversed()) await close().catch(() => {})
    removeState(dataDir)
    if (dataDir.isTemporary) rmSync(dataDir.root, { recursive: true, force: true })
  })
  try {
    return await start({ ...options, stop, dataDir, onStop: (close) => void closers.push(close) })
  } catch (error) {
    await stop()
    throw error
  }
}

function openStackDir(root: string | undefined): DataDir {
  if (root === undefined) return openDataDir(mkdtempSync(join(tmpdir(), 'careseal-')), { isTemporary: true })
  const dataDir = openDataDir(root)
  const running = readRunningState(dataDir)
  if (running) {
    throw new Error(
      `a ledger runs on ${dataDir.root} already, at ${running.origin} (process ${running.pid}): stop it with careseal down, or choose another --data-dir`,
    )
  }
  return dataDir
}

type StartOptions = Omit<StackOptions, 'dataDir'> & {
  dataDir: DataDir
  stop: () => Promise<void>
  onStop: (close: () => Promise<void>) => void
}

async function start(options: StartOptions): Promise<CaresealStack> {
  const { dataDir, onStop } = options
  const step = async <T>(name: Step, work: () => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted()
    options.onStep?.(name, false)
    const result = await work()
    options.onStep?.(name, true)
    return result
  }
  const publicPort = await publicPortOf(options.port)
  const programs = await step('programs', () => folderOf(options.programs))
  const { network = {}, onCrash = () => {}, restartDelayMsMax } = options
  const ports = await servicePorts(network)
  const parts = await step('parts', () => startParts({ ...options, onCrash, host: network.partsHost }))
  onStop(() => parts.stop())
  onStop(followConsumers(dataDir, parts))
  await step('database', async () => (options.isPrepared ? undefined : parts.provision()))
  const places = options.sequencers === 2 ? await placesOf(dataDir, ports['ledger-sequencer']) : null
  const around = await surroundingsOf(options, { ports, parts, publicPort, places, programs })
  const count = options.witnesses ?? 0
  const policyFile = dataDir.path('policy.txt')
  const witnesses = new WitnessSet({ count, around: { ...around, policyFile }, dataDir, onCrash, restartDelayMsMax })
  // Stopped after the services, so that the last checkpoint is co-signed, too.
  onStop(() => witnesses.stop())
  const common = { around, dataDir, env: options.env ?? {}, onCrash, restartDelayMsMax }
  const pair = places && sequencerPair({ ...common, places })
  const untilEitherReady = (name: ServiceName) => (name === 'ledger-sequencer' ? (pair?.untilSealing() ?? null) : null)
  const services = new ServiceSet({ ...common, names: options.services, awaited: options.awaited, untilEitherReady })
  if (pair) onStop(() => pair.stop())
  onStop(() => services.stop())
  if (pair) onStop(() => pair.stopStandby())
  await step('migrations', async () => (options.isPrepared ? undefined : services.migrate()))
  await step('ledger', () => services.initialiseLedger())
  await step('witnesses', async () => (count > 0 ? witnesses.start() : undefined))
  await step('services', async () => {
    await pair?.startSigner()
    await services.start()
    await pair?.startStandby()
  })
  const origin = { port: publicPort, ports: around.pair ? { ...ports, 'ledger-sequencer': front(around.pair) } : ports }
  // Its web server is loaded where one is wanted: every command of the line would wait for it.
  const { startGateway } = await import('./gateway.js')
  const gateway = await step('gateway', () => startGateway(origin))
  onStop(() => gateway.stop())
  return stackOf(options, { parts, services, around, witnesses, pair })
}

// The gateway has no use for metrics.
function front({ host, port }: { host: string; port: number }): ServicePorts {
  return { host, port, metricsPort: 0 }
}

// Whoever adds or removes a consumer writes the list; the broker learns of it here.
function followConsumers(dataDir: DataDir, { nats }: Parts): () => Promise<void> {
  const file = consumersFile(dataDir)
  watchFile(file, { interval: 250 }, () => nats.reload())
  return async () => unwatchFile(file)
}

// Looked at before anything starts; the gateway looks again when it opens.
async function publicPortOf(asked: number | undefined): Promise<number> {
  if (asked === undefined) return freePort()
  if (await isPortFree(asked)) return asked
  throw new Error(`port ${asked} is taken: choose another with --port, or stop what listens there`)
}

type Running = {
  parts: Parts
  services: ServiceSet
  around: Surroundings
  witnesses: WitnessSet
  pair: SequencerPair | null
}

function stackOf(options: StartOptions, running: Running): CaresealStack {
  const { parts, services, around, witnesses, pair } = running
  const { dataDir } = options
  const state = firstState(dataDir, running)
  writeState(dataDir, state)
  return {
    origin: around.publicOrigin,
    dataDir,
    services: services.controlled,
    witnesses: witnesses.controlled,
    pair,
    nats: parts.nats,
    postgres: parts.postgres,
    demo: around.demo,
    state: () => state,
    tokenFor: async (login, scope) => (await tokenOf({ dataDir, origin: around.publicOrigin }, login, scope)).token,
    registerLogin: ({ login, clientId, role }) => {
      const others = state.logins.filter((one) => one.name !== login)
      state.logins = [...others, { name: login, role, clientId }]
      dataDir.writeJson('logins.json', state.logins)
      writeState(dataDir, state)
    },
    untilReady: () => services.untilReady(),
    natsSeedFile: (user) => natsSeedFile(dataDir, user),
    stop: options.stop,
  }
}

function firstState(dataDir: DataDir, { parts, services, around, witnesses }: Running): StackState {
  const operator: Login = { name: OPERATOR, role: 'operator', clientId: OPERATOR }
  return {
    v: 1,
    origin: around.publicOrigin,
    dataDir: dataDir.root,
    pid: process.pid,
    processStart: startOf(process.pid),
    startedAt: new Date().toISOString(),
    demo: around.demo,
    nats: parts.nats.url,
    postgres: parts.superuserUrl,
    ledgerOrigin: around.ledgerOrigin,
    services: services.urls(),
    witnesses: witnesses.controlled.map(({ name, url, vkey }) => ({ name, url, vkey })),
    policyFile: around.files.policy,
    ...(around.pair ? { signer: around.pair.signer } : {}),
    logins: dataDir.readJson<Login[]>('logins.json') ?? [operator],
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  return () => (running ??= work())
}
