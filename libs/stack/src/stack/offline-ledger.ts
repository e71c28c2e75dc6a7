// The ledger of a data folder while nothing of it runs but its database, for work that no service may see half done: to
// begin it, or to put it back.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { PRODUCERS } from '@careseal/contracts'
import { Client } from 'pg'
import { freePort } from '../parts/port.js'
import { ledgerOrigin, operatorVkeys } from './credentials.js'
import { openDataDir, type DataDir } from './data-dir.js'
import { builtScript } from './service-process.js'
import { startParts, type Parts } from './start-parts.js'
import { underStartLock } from './start-lock.js'
import { readRunningState } from './state.js'
import type { ServicePorts } from './services.js'
import { WITNESSES_FILE, WitnessSet, type WitnessSurroundings } from './witness-set.js'

const INITIALISED = 'ledger-initialised.json'

export type OfflineOptions = { onProgress: (told: string) => void }

/** As `node apps/ledger-sequencer/dist/recover.js` prints it. */
export type LedgerRecovery = {
  origin: string
  treeSize: number
  height: number
  signedSize: number
  witnesses: { witness: string; size: number | null }[]
  contradiction: string | null
}

/**
 * Begins the ledger of a data folder that has none yet, as the successor of another one.
 *
 * `previous` is the path of that one's last witnessed checkpoint. Throws when the folder's ledger has begun already.
 */
export function initSuccessor(root: string, previous: string, options: OfflineOptions): Promise<{ origin: string }> {
  return offline(root, async (dataDir, parts) => {
    if (dataDir.readJson(INITIALISED)) throw new Error(`${dataDir.root} holds a ledger already: name a new folder`)
    await migrate(dataDir, parts)
    const origin = ledgerOrigin(dataDir)
    const genesis = { PRODUCERS: PRODUCERS.join(','), OPERATOR_VKEYS: operatorVkeys(dataDir).join(',') }
    const env = {
      ...environment(dataDir, parts),
      LEDGER_ORIGIN: origin,
      ...genesis,
      PREVIOUS_CHECKPOINT_FILE: previous,
    }
    await runProgram('init.js', env, options.onProgress)
    dataDir.writeJson(INITIALISED, { origin })
    return { origin }
  })
}

/**
 * Puts the ledger of a stopped data folder back from a mirror: a URL, the folder of an export, or by default the mirror
 * of its first witness. The tables that were there stay beside, as the schema that `setAside` names.
 */
export function recoverLedger(
  root: string,
  from: string | null,
  options: OfflineOptions,
): Promise<LedgerRecovery & { setAside: string }> {
  return offline(root, async (dataDir, parts) => {
    if (!dataDir.readJson(INITIALISED)) throw new Error(`${dataDir.root} holds no ledger that could be put back`)
    const around = await surroundings(dataDir)
    const count = dataDir.readJson<{ count: number }>(WITNESSES_FILE)?.count ?? 0
    const witnesses = new WitnessSet({ count, around, dataDir, onCrash: () => {} })
    try {
      if (count > 0) await witnesses.start()
      const setAside = await setSchemaAside(parts)
      await parts.provision()
      await migrate(dataDir, parts)
      const mirror = from ?? mirrorOf(witnesses, around.ledgerOrigin)
      const policy = count > 0 ? { LEDGER_POLICY_FILE: around.policyFile } : {}
      const env = { ...environment(dataDir, parts), ...policy, MIRROR: mirror }
      const report = JSON.parse(await runProgram('recover.js', env, options.onProgress)) as LedgerRecovery
      return { ...report, setAside }
    } finally {
      await witnesses.stop()
    }
  })
}

async function offline<T>(root: string, work: (dataDir: DataDir, parts: Parts) => Promise<T>): Promise<T> {
  const dataDir = openDataDir(root)
  const running = readRunningState(dataDir)
  if (running) throw new Error(`a ledger runs on ${dataDir.root} (process ${running.pid}): stop it with careseal down`)
  return underStartLock(dataDir, async () => {
    const parts = await startParts({ parts: 'native', dataDir, onCrash: () => {} })
    try {
      await parts.provision()
      return await work(dataDir, parts)
    } finally {
      await parts.stop()
    }
  })
}

function environment(dataDir: DataDir, parts: Parts): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: parts.databaseUrl('ledger'),
    MIGRATION_DATABASE_URL: parts.databaseUrl('ledger_owner'),
    SIGNER_STATE_DIR: dataDir.path('signer'),
  }
}

// Nobody listens at the services' places: witnesses that mirror the ledger find nothing new there, which is right.
async function surroundings(dataDir: DataDir): Promise<WitnessSurroundings> {
  const nowhere: ServicePorts = { host: '127.0.0.1', port: await freePort(), metricsPort: 0 }
  return {
    ports: { 'ledger-sequencer': nowhere },
    network: {},
    ledgerOrigin: ledgerOrigin(dataDir),
    policyFile: dataDir.path('policy.txt'),
  }
}

function mirrorOf({ controlled }: WitnessSet, origin: string): string {
  const [first] = controlled
  if (!first) throw new Error('there is no witness with a mirror: name a mirror with --from')
  return `${first.url}/${createHash('sha256').update(origin).digest('hex')}/mirror`
}

async function migrate(dataDir: DataDir, parts: Parts): Promise<void> {
  await runProgram('migrate.js', environment(dataDir, parts), () => {})
}

async function setSchemaAside({ superuserUrl }: Parts): Promise<string> {
  const name = `ledger_before_${Math.floor(Date.now() / 1000)}`
  const client = new Client(superuserUrl)
  await client.connect()
  try {
    await client.query(`ALTER SCHEMA ledger RENAME TO ${name}`)
    return name
  } finally {
    await client.end()
  }
}

/** Resolves to what it printed. Throws with the last line that it said on stderr. */
async function runProgram(script: string, env: Record<string, string>, onProgress: (told: string) => void) {
  const child = spawn(process.execPath, [builtScript('ledger-sequencer', script)], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let last = ''
  createInterface({ input: child.stderr }).on('line', (line) => onProgress((last = line)))
  const out: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(last || `${script} ended with ${String(code)}`)
  return Buffer.concat(out).toString('utf8')
}
