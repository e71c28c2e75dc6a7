// Runs the ledger's own administration as a process with the sequencer's environment: it alone reaches signer and tables.
import { existsSync } from 'node:fs'
import {
  administerOffline,
  databasePasswords,
  databaseUrl,
  operatorKeyFiles,
  readRunningState,
  runProgram,
  type DataDir,
  type StackState,
} from '@careseal/stack'
import type { Context } from '../context.js'

export type AdministrationCommand = 'status' | 'retreat' | 'rotate-log' | 'rotate-witness'

/** What it prints as JSON. Throws with what it said instead; a repeat goes on where it was. */
export async function administer<Report>(
  context: Context,
  command: AdministrationCommand,
  settings: Record<string, string> = {},
): Promise<Report> {
  const dataDir = context.dataDir()
  const onProgress = (told: string) => context.terminal.note(told)
  // A ledger that is halted does not start, and these two are what mends it.
  const isOffline = command === 'status' || command === 'retreat'
  if (isOffline && !readRunningState(dataDir)) return administerOffline(dataDir.root, command, { onProgress })
  const env = { ...environmentOf(dataDir, context.runningState()), ...settings }
  const program = { service: 'ledger-sequencer', script: 'administer.js', args: [command] } as const
  return JSON.parse(await runProgram({ ...program, env, onProgress })) as Report
}

function environmentOf(dataDir: DataDir, state: StackState): Record<string, string> {
  const password = databasePasswords(dataDir)['ledger'] ?? ''
  const policy = dataDir.path('policy.txt')
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: databaseUrl(state.postgres, { role: 'ledger', password }),
    LEDGER_URL: state.services['ledger-sequencer'].url,
    OPERATOR_KEY_FILES: operatorKeyFiles(dataDir).join(','),
    ...(state.signer ?? { SIGNER_STATE_DIR: dataDir.path('signer') }),
    ...(existsSync(policy) ? { LEDGER_POLICY_FILE: policy } : {}),
  }
}
