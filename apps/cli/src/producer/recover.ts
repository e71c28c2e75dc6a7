// Runs a service's own recovery as a process with that service's environment, and waits until the service serves again.
import { setTimeout as delay } from 'node:timers/promises'
import type { Producer } from '@careseal/contracts'
import {
  databasePasswords,
  databaseUrl,
  kmsKeyFile,
  natsSeedFileOf,
  operatorKeyFiles,
  runProgram,
  type DataDir,
  type StackState,
} from '@careseal/stack'
import { CliError, EXIT } from '../exit.js'

/** As `node apps/<service>/dist/recover.js` prints it. */
export type RecoveryReport = {
  service: string
  incarnation: string
  missing: number
  fromCopy: number
  fromBroker: number
  lost: { producer: string; seq: number; leafIndex: number; height: number }[]
  neverSealed: number
  counts: Record<string, number>
}

export type RecoverInput = {
  dataDir: DataDir
  state: Pick<StackState, 'postgres' | 'ledgerOrigin' | 'nats' | 'services'>
  service: Producer
  onProgress: (told: string) => void
}

const READY_MS_MAX = 120_000
const POLL_MS = 300

/** Throws with what the recovery said; the service is then as it was. */
export async function recoverProducer(input: RecoverInput): Promise<RecoveryReport> {
  const { service, state, onProgress } = input
  const report = await runRecovery(input)
  onProgress(`waiting until ${service} serves as ${report.incarnation}`)
  await untilReady(`${state.services[service].url}/readyz`, service)
  return report
}

function environment({ dataDir, state, service }: RecoverInput): Record<string, string> {
  const password = databasePasswords(dataDir)[service] ?? ''
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: databaseUrl(state.postgres, { role: service, password }),
    KMS_KEY_FILE: kmsKeyFile(dataDir, service),
    NATS_URL: state.nats,
    NATS_NKEY_SEED_FILE: natsSeedFileOf(dataDir, service),
    LEDGER_ORIGIN: state.ledgerOrigin,
    LEDGER_URL: state.services['ledger-sequencer'].url,
    OPERATOR_KEY_FILES: operatorKeyFiles(dataDir).join(','),
  }
}

async function runRecovery(input: RecoverInput): Promise<RecoveryReport> {
  const { service, onProgress } = input
  const program = { service, script: 'recover.js', env: environment(input), onProgress } as const
  return JSON.parse(await runProgram(program)) as RecoveryReport
}

// It ends by itself once its database names another incarnation, and is started anew by whoever keeps it running.
async function untilReady(url: string, service: string): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX
  while (performance.now() < deadline) {
    const isReady = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await delay(POLL_MS)
  }
  const mend = 'look into its log, and restart the ledger: careseal down, npm start'
  throw new CliError(EXIT.failure, `${service} is recovered, but does not serve yet: ${mend}`)
}
