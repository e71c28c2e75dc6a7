// A real nats-server with JetStream as a child process; nothing of it is left when it is stopped.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startChild, type Child } from './child.js'
import { natsServerPath } from './nats-binary.js'
import { freePort } from './port.js'

export type NatsOptions = {
  /** Kept on stop. Without it a temporary folder is made and removed on stop. */
  dataDir?: string | undefined
  /** Without it a free one is taken. */
  port?: number | undefined
  /** The address to listen on. Default 127.0.0.1. */
  host?: string | undefined
  /** Lines of nats.conf besides the address and the store folder: users, permissions, limits. */
  config?: string | undefined
}

/** A running nats-server. After `kill` the same `dataDir` and `port` can be started again. */
export type RunningNats = {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly ended: Promise<unknown>
  /** Takes other users and rights without a restart; connections that lost theirs are cut. */
  reload(config: string): void
  /** Ends it in order. Removes a temporary data folder. */
  stop(): Promise<void>
  /** kill -9, as a crash; the data folder stays. */
  kill(): Promise<void>
}

/** Starts nats-server and resolves when it is ready. Throws an error with its log if it does not come up. */
export async function startNats(options: NatsOptions = {}): Promise<RunningNats> {
  const program = await natsServerPath()
  const isTemporary = options.dataDir === undefined
  const dataDir = isTemporary ? mkdtempSync(join(tmpdir(), 'careseal-nats-')) : resolve(options.dataDir as string)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  try {
    return await startOnSomePort(program, dataDir, options)
  } catch (error) {
    if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
}

async function startOnSomePort(program: string, dataDir: string, options: NatsOptions): Promise<RunningNats> {
  const isTemporary = options.dataDir === undefined
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    try {
      const place = { dataDir, port, isTemporary, host: options.host ?? '127.0.0.1' }
      return running(await launch(program, { ...place, config: options.config ?? '' }), place)
    } catch (error) {
      const isTaken = options.port === undefined && String(error).includes('address already in use')
      if (!isTaken || attempt === 5) throw error
    }
  }
}

type Place = { dataDir: string; host: string; port: number; isTemporary: boolean }

function running(child: Child, place: Place): RunningNats {
  const { dataDir, host, port, isTemporary } = place
  return {
    url: `nats://${host}:${port}`,
    port,
    pid: child.pid,
    dataDir,
    ended: child.ended,
    kill: child.kill,
    reload: (config) => {
      writeConfig({ ...place, config })
      process.kill(child.pid, 'SIGHUP')
    },
    stop: async () => {
      await child.stop()
      if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function launch(program: string, place: Place & { config: string }): Promise<Child> {
  const { dataDir, isTemporary } = place
  const file = writeConfig(place)
  const child = await startChild(program, ['-c', file], {
    cwd: dataDir,
    stdio: ['ignore', 'ignore', 'pipe'],
    temporaryDir: isTemporary ? dataDir : undefined,
  })
  await isReady(child, dataDir)
  return child
}

function writeConfig({ dataDir, host, port, config }: Place & { config: string }): string {
  const file = join(dataDir, 'nats.conf')
  const address = `listen: "${host}:${port}"\n`
  const store = config.includes('jetstream') ? '' : `jetstream { store_dir: ${JSON.stringify(dataDir)} }\n`
  writeFileSync(file, address + store + config, { mode: 0o600 })
  return file
}

function isReady(child: Child, dataDir: string): Promise<void> {
  let log = ''
  return new Promise((done, failed) => {
    child.process.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('utf8')).slice(-8_000)
      if (log.includes('Server is ready')) done()
    })
    child.process.once('close', () => failed(new Error(`nats-server did not start in ${dataDir}:\n${log}`)))
  })
}
