// Two sequencers on one database: a second one beside the usual, a signer of its own process for both, and one address
// in front. Which of the two holds the lease changes; the signer is the only one that holds the log's key.
import { freePort } from '../parts/port.js'
import type { Child } from '../parts/child.js'
import { randomHex, type DataDir } from './data-dir.js'
import { startLedgerFront, type LedgerFront } from './ledger-front.js'
import { startServiceProcess, untilReady } from './service-process.js'
import type { ControlledService } from './service-set.js'
import { environmentOf, type ServicePorts, type Surroundings } from './services.js'
import { Supervised } from './supervised.js'

/** The second sequencer and the signer as tests and the supervisor hold them. */
export type SequencerPair = {
  readonly standby: ControlledService
  readonly signer: ControlledService
  /** `GET /readyz` of the two as one: answered by whoever seals. */
  untilSealing(): Promise<void>
  startSigner(): Promise<void>
  startStandby(): Promise<void>
  stopStandby(): Promise<void>
  stop(): Promise<void>
}

/** Where the parts of a pair are, before any of them runs. */
export type PairPlaces = {
  front: LedgerFront
  standby: ServicePorts
  signerPort: number
  secretFile: string
}

const READY_DEADLINE_MS = 120_000
const SERVICE = 'ledger-sequencer'

/** Opens the address in front; the two sequencers behind it may start whenever they do. */
export async function placesOf(dataDir: DataDir, first: ServicePorts): Promise<PairPlaces> {
  const standby = { host: first.host, port: await freePort(), metricsPort: await freePort() }
  const front = await startLedgerFront({ upstreams: [first, standby] })
  const secretFile = dataDir.secretFile('ledger-signer.hex', () => randomHex())
  return { front, standby, signerPort: await freePort(), secretFile }
}

export type PairOptions = {
  places: PairPlaces
  around: Surroundings
  dataDir: DataDir
  env: Record<string, string>
  onCrash: (name: string, error: unknown) => void
  restartDelayMsMax?: number | undefined
}

export function sequencerPair(options: PairOptions): SequencerPair {
  const { places, around, dataDir, env } = options
  const logFile = (name: string) => dataDir.path('logs', `${name}.log`)
  const signer = supervise(options, {
    name: 'ledger-signer',
    script: 'signer-main.js',
    env: signerEnvironment(options),
  })
  const standby = supervise(options, {
    name: 'ledger-sequencer-2',
    script: 'main.js',
    env: {
      ...environmentOf(SERVICE, around, env),
      PORT: String(places.standby.port),
      METRICS_PORT: String(places.standby.metricsPort),
    },
  })
  const signerUrl = `http://127.0.0.1:${places.signerPort}`
  const standbyUrl = `http://${places.standby.host}:${places.standby.port}`
  const controlledSigner = controlled(signer, { url: signerUrl, metricsUrl: '', logFile: logFile('ledger-signer') })
  const controlledStandby = controlled(standby, {
    url: standbyUrl,
    metricsUrl: `http://${places.standby.host}:${places.standby.metricsPort}/metrics`,
    logFile: logFile('ledger-sequencer-2'),
  })
  const untilSealing = async () => {
    const deadline = performance.now() + READY_DEADLINE_MS
    while (!places.front.active()) {
      if (performance.now() > deadline) throw new Error('no sequencer holds the lease and has the signer’s word')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return {
    signer: controlledSigner,
    standby: controlledStandby,
    untilSealing,
    startSigner: async () => {
      await signer.start()
      await controlledSigner.untilReady()
    },
    startStandby: async () => {
      await standby.start()
      await controlledStandby.untilReady()
    },
    stopStandby: () => standby.stop(),
    stop: async () => {
      await signer.stop()
      await places.front.stop()
    },
  }
}

function signerEnvironment({ places, around, env }: PairOptions): Record<string, string> {
  return {
    ...(process.env['PATH'] ? { PATH: process.env['PATH'] } : {}),
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(places.signerPort),
    LOG_LEVEL: env['LOG_LEVEL'] ?? around.logLevel,
    SIGNER_STATE_DIR: around.files.signerState,
    SIGNER_SECRET_FILE: places.secretFile,
  }
}

/** What the sequencers of a pair are told of their signer. */
export function signerOfPair({ signerPort, secretFile }: PairPlaces): Record<string, string> {
  return { SIGNER_URL: `http://127.0.0.1:${signerPort}`, SIGNER_SECRET_FILE: secretFile }
}

type Process = { name: string; script: string; env: Record<string, string> }

function supervise(options: PairOptions, { name, script, env }: Process): Supervised<Child> {
  const { dataDir, around, onCrash, restartDelayMsMax: delayMsMax } = options
  const launcher = around.network.launcher?.(SERVICE) ?? []
  const logFile = dataDir.path('logs', `${name}.log`)
  const start = () =>
    startServiceProcess({ service: SERVICE, script, env, launcher, logFile, programs: around.programs })
  return new Supervised({ name, start, onCrash, delayMsMax })
}

const NEVER = async () => null

type Place = Pick<ControlledService, 'url' | 'metricsUrl' | 'logFile'>

// A standby is not ready in the sense of /readyz until it holds the lease; that it lives is what can be waited for.
function controlled(supervised: Supervised<Child>, place: Place): ControlledService {
  return {
    ...place,
    get pid() {
      return supervised.current?.pid ?? 0
    },
    get restarts() {
      return supervised.restarts
    },
    kill: () => supervised.kill(),
    whileStopped: (work) => supervised.whileStopped(work),
    untilReady: () =>
      untilReady(`${place.url}/livez`, { name: place.logFile, deadlineMs: READY_DEADLINE_MS, hasFailed: NEVER }),
  }
}
