// A real Postgres as a child process, as root too; nothing of it is left when it is stopped.
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child } from './child.js'
import { freePort } from './port.js'
import { postgresPrograms } from './postgres-binaries.js'
import { removeStaleLock } from './stale-lock.js'
import { giveToNobody, startUnprivileged } from './unprivileged.js'

export type PostgresOptions = {
  /** Kept on stop. Without it a temporary folder is made and removed on stop. */
  dataDir?: string | undefined
  /** Without it a free one is taken. */
  port?: number | undefined
  /**
   * The address to listen on. Default 127.0.0.1. On another one every client of its network may log in with a password,
   * if the data folder is new.
   */
  host?: string | undefined
  /** Server settings, such as `max_connections=200`. */
  flags?: string[]
  /** Password of the superuser `postgres`; without it every local connection is trusted. Used by a new data folder. */
  password?: string | undefined
  /** False turns fsync off, for tests that kill processes but not the machine. Default true. */
  durable?: boolean
}

/** A running Postgres. `url` is the superuser's; after `kill` the same `dataDir` and `port` can be started again. */
export type RunningPostgres = {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly ended: Promise<unknown>
  /** Fast shutdown: open transactions are rolled back. Removes a temporary data folder. */
  stop(): Promise<void>
  /** kill -9, as a crash; the data folder stays. */
  kill(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
// Never synchronous_commit=off: with it a killed server forgets what it acknowledged.
const NOT_DURABLE = ['fsync=off', 'full_page_writes=off']

/** Starts Postgres and resolves when it accepts connections. Throws an error with the server's log if it does not. */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const programs = postgresPrograms()
  const isTemporary = options.dataDir === undefined
  const dataDir = isTemporary ? mkdtempSync(join(tmpdir(), 'careseal-postgres-')) : resolve(options.dataDir as string)
  try {
    if (!existsSync(join(dataDir, 'PG_VERSION'))) await initialise(programs.initdb, dataDir, options)
    removeStaleLock(dataDir)
    return await startOnSomePort(programs.postgres, dataDir, options)
  } catch (error) {
    if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
}

async function startOnSomePort(program: string, dataDir: string, options: PostgresOptions): Promise<RunningPostgres> {
  const isTemporary = options.dataDir === undefined
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort())
    try {
      return running(await launch(program, dataDir, { ...options, port, isTemporary }), {
        dataDir,
        port,
        isTemporary,
        host: options.host ?? LOOPBACK,
        password: options.password,
      })
    } catch (error) {
      if (!isPassing(String(error), options) || attempt === 60) throw error
      await delay(250)
    }
  }
}

// After kill -9 of the server, or of the process that started it, what is left of it needs a moment to end.
function isPassing(message: string, options: PostgresOptions): boolean {
  const isTaken = options.port === undefined && message.includes('could not bind')
  const isStillEnding = /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(message)
  return isTaken || isStillEnding
}

type Place = { dataDir: string; host: string; port: number; isTemporary: boolean; password: string | undefined }

function running(child: Child, { dataDir, host, port, isTemporary, password }: Place): RunningPostgres {
  const credentials = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`
  return {
    url: `postgres://${credentials}@${host}:${port}/postgres`,
    port,
    pid: child.pid,
    dataDir,
    ended: child.ended,
    kill: child.kill,
    stop: async () => {
      await child.stop()
      if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function initialise(initdb: string, dataDir: string, options: PostgresOptions): Promise<void> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  giveToNobody(dataDir)
  const passwordFile = options.password === undefined ? null : join(dataDir, '..', `.initdb-${process.pid}`)
  const auth = passwordFile ? ['--auth=scram-sha-256', `--pwfile=${passwordFile}`] : ['--auth=trust']
  const sync = options.durable === false ? ['--no-sync'] : []
  if (passwordFile) writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 })
  if (passwordFile) giveToNobody(passwordFile)
  try {
    const args = ['-D', dataDir, '-U', 'postgres', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions']
    const child = await startUnprivileged(initdb, [...args, ...auth, ...sync], {
      cwd: dataDir,
      env: {},
      temporaryDir: options.dataDir === undefined ? dataDir : undefined,
      reach: [join(dataDir, 'PG_VERSION')],
    })
    const log = collect(child)
    const { code } = await child.ended
    if (code !== 0) throw new Error(`initdb failed in ${dataDir}:\n${log()}`)
    if ((options.host ?? LOOPBACK) !== LOOPBACK) admitNeighbours(dataDir)
  } finally {
    if (passwordFile) rmSync(passwordFile, { force: true })
  }
}

function admitNeighbours(dataDir: string): void {
  appendFileSync(join(dataDir, 'pg_hba.conf'), 'host all all samenet scram-sha-256\n')
}

async function launch(
  program: string,
  dataDir: string,
  options: PostgresOptions & { port: number; isTemporary: boolean },
): Promise<Child> {
  const host = options.host ?? LOOPBACK
  const settings = [`listen_addresses=${host}`, 'unix_socket_directories=', 'shared_buffers=256MB']
  if (options.durable === false) settings.push(...NOT_DURABLE)
  settings.push(...(options.flags ?? []))
  const args = ['-D', dataDir, '-p', String(options.port), ...settings.flatMap((setting) => ['-c', setting])]
  const child = await startUnprivileged(program, args, {
    cwd: dataDir,
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
    // SIGINT is the fast shutdown; SIGTERM would wait for every client.
    stopSignal: 'SIGINT',
    stopGraceMs: 30_000,
    temporaryDir: options.isTemporary ? dataDir : undefined,
    reach: [join(dataDir, 'PG_VERSION')],
  })
  await acceptsConnections(child, dataDir)
  return child
}

function acceptsConnections(child: Child, dataDir: string): Promise<void> {
  const log = collect(child)
  return new Promise((done, failed) => {
    child.process.stderr?.on('data', () => {
      if (log().includes('ready to accept connections')) done()
    })
    child.process.once('close', () => failed(new Error(`Postgres did not start in ${dataDir}:\n${log()}`)))
  })
}

// Keeps the stream flowing for the whole life of the process (a full pipe would block the server), but little of it.
function collect(child: Child): () => string {
  let text = ''
  const append = (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-8_000)
  }
  child.process.stdout?.on('data', append)
  child.process.stderr?.on('data', append)
  return () => text
}
