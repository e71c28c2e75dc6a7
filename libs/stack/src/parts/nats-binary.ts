// Finds a nats-server that stores batches atomically (2.12 or newer; older ones store them message by message and say
// nothing), or gets one without root from a newer suite of the distribution's own mirror.
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackFromNewerSuite } from './newer-suite.js'

const run = promisify(execFile)
const OLDEST = [2, 12] as const
const MEND =
  'put nats-server 2.12 or newer on PATH, or name one in NATS_SERVER (Debian and Ubuntu: careseal takes it from apt; macOS: brew install nats-server)'

/** The cache folder into which a nats-server is unpacked. */
export function natsCacheDir(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'careseal', 'nats')
}

/** Path of a nats-server ≥ 2.12: found, or got (a few seconds, needs the network once). Throws with the mend. */
export async function natsServerPath(): Promise<string> {
  const found = await findNatsServer()
  if (found) return found
  const reasons: string[] = []
  for (const get of [getFromApt, getFromBrew]) {
    const reason = await get()
    const path = await findNatsServer()
    if (path) return path
    if (reason) reasons.push(reason)
  }
  throw new NatsServerMissing(`no nats-server of version ${OLDEST.join('.')} or newer: ${MEND}${because(reasons)}`)
}

/** Thrown when this machine has no nats-server and none could be got; the message says how to mend it. */
export class NatsServerMissing extends Error {
  readonly code = 'nats-server-missing'
}

/** Path of a nats-server that is here already, or null. Gets nothing. */
export async function findNatsServer(): Promise<string | null> {
  const named = process.env['NATS_SERVER']
  if (named && !(await isNewEnough(named))) throw new NatsServerMissing(`NATS_SERVER=${named} is no nats-server ≥ 2.12`)
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'nats-server'))
  const cached = join(natsCacheDir(), 'usr', 'sbin', 'nats-server')
  const usual = ['/usr/sbin/nats-server', '/usr/local/bin/nats-server', '/opt/homebrew/bin/nats-server']
  for (const path of [named, ...onPath, cached, ...usual]) {
    if (path && (await isNewEnough(path))) return path
  }
  return null
}

async function isNewEnough(path: string): Promise<boolean> {
  try {
    accessSync(path, constants.X_OK)
    const { stdout } = await run(path, ['--version'])
    return isVersionNewEnough(stdout)
  } catch {
    return false
  }
}

/** True for the output of `nats-server --version` of 2.12 and newer. */
export function isVersionNewEnough(output: string): boolean {
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(output) ?? []
  if (major === undefined || minor === undefined) return false
  return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1])
}

async function getFromApt(): Promise<string | null> {
  try {
    await unpackFromNewerSuite({ package: 'nats-server', file: 'usr/sbin/nats-server', into: natsCacheDir() })
    return null
  } catch (error) {
    return `apt: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`
  }
}

async function getFromBrew(): Promise<string | null> {
  if (process.platform !== 'darwin') return null
  try {
    await run('brew', ['install', 'nats-server'])
    return null
  } catch (error) {
    return `brew: ${(error as Error).message.split('\n')[0]}`
  }
}

function because(reasons: string[]): string {
  return reasons.length ? ` (${reasons.join('; ')})` : ''
}
