// Starts a witness out of its parts, and ends it so that nothing under way is lost.
import { lockFolder, syncFolder } from '@careseal/cosigner'
import type { LogConfig, WitnessConfig } from './config.js'
import { startServer } from './http/server.js'
import { Routes, type MirrorReader } from './http/routes.js'
import { loadKeys } from './keys.js'
import type { Log } from './log.js'
import { Metrics } from './metrics.js'
import { MirrorFolder } from './mirror/mirror-folder.js'
import { Mirror, type MirroredLog } from './mirror/mirror.js'
import { loadPage } from './page/served-page.js'
import { EvidenceStore } from './state/evidence-store.js'
import { openMemory } from './state/log-memory.js'
import { originHash, StateFolder, WitnessUnfit } from './state/state-folder.js'
import { Witness } from './witness.js'

/** `page` is the file of the verifier page. */
export type RunOptions = { log: Log; page: URL }

export type RunningWitness = { url: string; stop: () => Promise<void> }

/** Resolves once it answers. Throws WitnessUnfit, FolderTaken, or what the system says. */
export async function runWitness(config: WitnessConfig, { log, page }: RunOptions): Promise<RunningWitness> {
  const folder = new StateFolder(config.stateDir)
  if ((await folder.readMarker()) === null) {
    throw new WitnessUnfit('not-begun', `${config.stateDir} holds no state of a witness: run init first`)
  }
  const lock = lockFolder(config.stateDir)
  try {
    return await start(config, folder, { log, page, release: lock.release })
  } catch (error) {
    lock.release()
    throw error
  }
}

async function start(
  config: WitnessConfig,
  folder: StateFolder,
  { log, page: file, release }: RunOptions & { release: () => void },
): Promise<RunningWitness> {
  const keys = await loadKeys(config)
  const logs = await openLogs(config, folder)
  const evidence = await EvidenceStore.open(folder.evidence)
  const metrics = new Metrics()
  const witness = new Witness({ keys, logs, evidence, metrics, log, now })
  const mirrors = await openMirrors({ config, folder, witness, metrics, log })
  const page = loadPage(file)
  let isReady = true
  const readers = new Map([...mirrors].map(([hash, mirror]) => [hash, readerOf(mirror, witness)]))
  const routes = new Routes({ witness, evidence, metrics, mirrors: readers, page, isReady: () => isReady })
  const server = await startServer({ config, routes, metrics, log })
  for (const { mirror } of mirrors.values()) mirror.start()
  return {
    url: server.url,
    stop: async () => {
      isReady = false
      await Promise.all([server.close(), ...[...mirrors.values()].map(({ mirror }) => mirror.stop())])
      release()
    },
  }
}

const now = () => Math.floor(Date.now() / 1000)

async function openLogs(config: WitnessConfig, folder: StateFolder) {
  // Makes durable what is read next, for a crash may have come before its own fsync.
  await syncFolder(folder.logs)
  const first = (await folder.readMarker())!
  if (first.name !== config.name) {
    throw new WitnessUnfit('other-name', `${folder.path} is the state of ${first.name}, not of ${config.name}`)
  }
  const logs: ConstructorParameters<typeof Witness>[0]['logs'][number][] = []
  let marker = first
  for (const each of config.logs) {
    const opened = await openMemory(folder, each.origin, marker)
    marker = opened.marker
    logs.push({ config: each, memory: opened.memory })
  }
  return logs
}

type Mirrored = { mirror: Mirror; folder: MirrorFolder }

async function openMirrors(given: {
  config: WitnessConfig
  folder: StateFolder
  witness: Witness
  metrics: Metrics
  log: Log
}): Promise<Map<string, Mirrored>> {
  const { config: all, folder: state, witness, metrics, log } = given
  const mirrors = new Map<string, Mirrored>()
  for (const config of all.logs.filter(hasMirror)) {
    const folder = await MirrorFolder.open(state.mirror(config.origin))
    const mirror = new Mirror({ config, folder, cosigned: () => witness.cosigned(config.origin), metrics, log })
    witness.setJudgePast(config.origin, (admitted) => mirror.judgePast(admitted))
    mirrors.set(originHash(config.origin), { mirror, folder })
  }
  return mirrors
}

function hasMirror(log: LogConfig): log is MirroredLog {
  return log.mirror !== undefined
}

function readerOf({ mirror, folder }: Mirrored, witness: Witness): MirrorReader {
  return {
    checkpoint: async () => mirror.state && witness.noteOf(mirror.state),
    tile: (asked) => folder.tile(asked),
  }
}
