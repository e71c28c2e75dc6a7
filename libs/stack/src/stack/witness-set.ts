// The witnesses of one stack: made once for a data folder, each with its own key and memory, and kept running on its port
// until all are stopped. On one machine they show how it works; trust begins where others run them.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../parts/port.js'
import { genesisKeys } from './credentials.js'
import type { DataDir } from './data-dir.js'
import { writeDurably } from './durable-file.js'
import { builtScript, lastLines, startServiceProcess } from './service-process.js'
import { Supervised } from './supervised.js'
import { witnessName, type Surroundings, type WitnessName } from './services.js'

/** A witness as tests and the supervisor hold it. */
export type ControlledWitness = {
  readonly name: string
  readonly url: string
  /** The first of its keys. */
  readonly vkey: string
  /** All of them: two while one takes the other's place. */
  readonly vkeys: readonly string[]
  /** Its configuration, its memory and its key. */
  readonly folder: string
  readonly logFile: string
  /** 0 while it is being started again. */
  readonly pid: number
  /** kill -9; it comes back by itself. */
  kill(): Promise<void>
  /** Stops it in order, does `work`, and starts it again whatever came of the work. */
  whileStopped<T>(work: () => Promise<T>): Promise<T>
}

/** What witnesses are told of the stack around them. */
export type WitnessSurroundings = Pick<Surroundings, 'network' | 'ledgerOrigin' | 'programs'> & {
  ports: Pick<Surroundings['ports'], 'ledger-sequencer'>
  policyFile: string
}

const WITNESSES_FILE = 'witnesses.json'

export type WitnessSetOptions = {
  count: number
  around: WitnessSurroundings
  dataDir: DataDir
  onCrash: (name: string, error: unknown) => void
  restartDelayMsMax?: number | undefined
}

const READY_DEADLINE_MS = 60_000
const POLL_MS = 50
const QUORUM = 'witnesses'
const run = promisify(execFile)

/** How many witnesses a data folder has, for whoever starts them again. */
export function witnessCountOf(dataDir: DataDir): number {
  return dataDir.readJson<{ count: number }>(WITNESSES_FILE)?.count ?? 0
}

export class WitnessSet {
  controlled: ControlledWitness[] = []
  private readonly supervised: Supervised[] = []

  constructor(private readonly options: WitnessSetOptions) {}

  /** Makes what is not there yet, starts all, and writes the policy by which a majority of them has to co-sign. */
  async start(): Promise<void> {
    const { count } = this.options
    // One by one: each is a process that is there for a moment, and there are two cores.
    for (let place = 0; place < count; place++) this.controlled.push(await this.prepare(place))
    await Promise.all(this.supervised.map((one) => one.start()))
    await Promise.all(this.controlled.map(untilAnswering))
    this.writePolicy()
    this.options.dataDir.writeJson(WITNESSES_FILE, { count })
  }

  async stop(): Promise<void> {
    await Promise.all(this.supervised.map((one) => one.stop()))
  }

  private async prepare(place: number): Promise<ControlledWitness> {
    const { dataDir, around, onCrash, restartDelayMsMax: delayMsMax } = this.options
    const name = witnessName(place)
    const folder = dataDir.path('witnesses', name)
    const [host, port] = [around.network.partsHost ?? '127.0.0.1', await freePort()]
    const file = this.configure(folder, { name, host, port, isMirror: place === 0 })
    const vkeys = await initWitness(file, around.programs)
    const logFile = dataDir.path('logs', `${name}.log`)
    const start = () => {
      const args = ['run', '--config', file]
      const program = { service: 'witness', script: 'main.js', programs: around.programs } as const
      return startServiceProcess({ ...program, args, env: environment(), logFile })
    }
    const supervised = new Supervised({ name, start, onCrash, delayMsMax })
    this.supervised.push(supervised)
    return {
      name,
      url: `http://${host}:${port}`,
      vkey: vkeys[0] as string,
      vkeys,
      folder,
      logFile,
      get pid() {
        return supervised.current?.pid ?? 0
      },
      kill: () => supervised.kill(),
      whileStopped: (work) => supervised.whileStopped(work),
    }
  }

  // Written at each start, for ports change; keys that a rotation put there stay. The first witness is a mirror too, from
  // which the ledger can be put back.
  private configure(folder: string, witness: { name: string; host: string; port: number; isMirror: boolean }): string {
    const { dataDir, around } = this.options
    const { host, port } = around.ports['ledger-sequencer']
    const mirror = { url: `http://${host}:${port}/ledger`, intervalSeconds: 2 }
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = `${folder}/witness.json`
    const kept = keptKeys(file)
    const vkeys = [...new Set([...genesisKeys(dataDir), ...kept.vkeys])]
    const log = { origin: around.ledgerOrigin, vkeys, ...(witness.isMirror ? { mirror } : {}) }
    const config = {
      name: `${witness.name}.${around.ledgerOrigin}`,
      keyFiles: kept.keyFiles,
      stateDir: 'state',
      listen: { host: witness.host, port: witness.port },
      logs: [log],
    }
    writeDurably(file, `${JSON.stringify(config, null, 2)}\n`)
    return file
  }

  private writePolicy(): void {
    const { dataDir, around, count } = this.options
    const names = this.controlled.map(({ name }) => name)
    const lines = [
      ...new Set([...genesisKeys(dataDir).map((vkey) => `log ${vkey}`), ...logLines(around.policyFile)]),
      ...this.controlled.flatMap((witness) => this.policyLines(witness)),
      `group ${QUORUM} ${Math.floor(count / 2) + 1} ${names.join(' ')}`,
      `quorum ${QUORUM}`,
    ]
    writeDurably(around.policyFile, `${lines.join('\n')}\n`)
  }

  private policyLines({ name, url, vkeys }: ControlledWitness): string[] {
    const at = witnessUrl(name, url, this.options.around)
    if (vkeys.length === 1) return [`witness ${name} ${vkeys[0]} ${at}`]
    const keys = vkeys.map((vkey, place) => ({ name: `${name}.${place + 1}`, vkey }))
    const lines = keys.map((key) => `witness ${key.name} ${key.vkey} ${at}`)
    return [...lines, `group ${name} any ${keys.map((key) => key.name).join(' ')}`]
  }
}

type Kept = { keyFiles: string[]; vkeys: string[] }

function keptKeys(file: string): Kept {
  if (!existsSync(file)) return { keyFiles: ['witness.key'], vkeys: [] }
  type Written = { keyFiles: string[]; logs: { vkeys: string[] }[] }
  const { keyFiles, logs } = JSON.parse(readFileSync(file, 'utf8')) as Written
  return { keyFiles, vkeys: logs.flatMap(({ vkeys }) => vkeys) }
}

function logLines(policyFile: string): string[] {
  if (!existsSync(policyFile)) return []
  return readFileSync(policyFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('log '))
}

function witnessUrl(name: string, url: string, { network }: WitnessSurroundings): string {
  return network.routeOf?.('ledger-sequencer', name as WitnessName, url) ?? url
}

async function initWitness(config: string, programs: string | undefined): Promise<string[]> {
  const script = builtScript('witness', 'main.js', programs)
  const { stdout } = await run(process.execPath, [script, 'init', '--config', config], { env: environment() })
  return (JSON.parse(stdout) as { vkeys: string[] }).vkeys
}

function environment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production' }
}

async function untilAnswering({ name, url, logFile }: ControlledWitness): Promise<void> {
  const deadline = performance.now() + READY_DEADLINE_MS
  while (performance.now() < deadline) {
    const answers = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      () => true,
      () => false,
    )
    if (answers) return
    await delay(POLL_MS)
  }
  throw new Error(`${name} does not answer; its log ends with\n${lastLines(logFile)}`)
}
