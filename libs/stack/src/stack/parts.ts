// NATS and Postgres of one stack, supervised: after a crash each comes back on its port with its data, NATS also without.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { startNats, type RunningNats } from '../parts/nats.js'
import { freePort } from '../parts/port.js'
import { startPostgres, type RunningPostgres } from '../parts/postgres.js'
import { Supervised, type Run } from './supervised.js'

/** A part as tests and the supervisor hold it. */
export type ControlledPart = {
  readonly url: string
  /** 0 while it is being started again. */
  readonly pid: number
  /** kill -9; it comes back by itself. */
  kill(): Promise<void>
  stop(): Promise<void>
  /** Stops it in order, does `work`, and starts it again whatever came of the work. */
  whileStopped<T>(work: () => Promise<T>): Promise<T>
}

/** The broker; `wipe` is a crash that also loses all of its data. `reload` takes up users and rights as they are now. */
export type ControlledNats = ControlledPart & { wipe(): Promise<void>; reload(): void }

export type PartsOptions = {
  postgresDir: string
  natsDir: string
  superuserPassword: string
  natsConfig: () => string
  durable: boolean
  /** Where native parts listen. Default 127.0.0.1. */
  host?: string | undefined
  restartDelayMsMax?: number | undefined
  onCrash: (name: string, error: unknown) => void
}

const POSTGRES_FLAGS = ['max_connections=300', 'log_min_messages=error']

export async function startNativePostgres(options: PartsOptions): Promise<ControlledPart> {
  const port = await freePort()
  const { host, durable, superuserPassword: password } = options
  const settings = { dataDir: options.postgresDir, password, durable, port, host }
  const start = (): Promise<RunningPostgres> => startPostgres({ ...settings, flags: POSTGRES_FLAGS })
  const supervised = new Supervised({ name: 'postgres', start, ...supervisionOf(options) })
  return controlled((await supervised.start()).url, supervised)
}

export async function startNativeNats(options: PartsOptions): Promise<ControlledNats> {
  const port = await freePort()
  let isToBeWiped = false
  const start = (): Promise<RunningNats> => {
    if (isToBeWiped) rmSync(join(options.natsDir, 'jetstream'), { recursive: true, force: true })
    isToBeWiped = false
    return startNats({ dataDir: options.natsDir, port, host: options.host, config: options.natsConfig() })
  }
  const supervised = new Supervised({ name: 'nats', start, ...supervisionOf(options) })
  const part = controlled((await supervised.start()).url, supervised)
  const wipe = async () => {
    isToBeWiped = true
    await supervised.kill()
  }
  return Object.assign(part, { wipe, reload: () => supervised.current?.reload(options.natsConfig()) })
}

const supervisionOf = ({ onCrash, restartDelayMsMax: delayMsMax }: PartsOptions) => ({ onCrash, delayMsMax })

function controlled(url: string, supervised: Supervised<Run>): ControlledPart {
  return {
    url,
    get pid() {
      return supervised.current?.pid ?? 0
    },
    kill: () => supervised.kill(),
    stop: () => supervised.stop(),
    whileStopped: (work) => supervised.whileStopped(work),
  }
}
