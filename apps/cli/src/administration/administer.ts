// Runs the ledger's own administration as a process with the sequencer's environment: it alone reaches signer and tables.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  databasePasswords,
  databaseUrl,
  operatorKeyFiles,
  repositoryRoot,
  type DataDir,
  type StackState,
} from '@careseal/stack'
import type { Context } from '../context.js'
import { CliError, EXIT } from '../exit.js'

export type AdministrationCommand = 'status' | 'retreat' | 'rotate-log' | 'rotate-witness'

/** What it prints as JSON. Throws CliError with what it said instead; a repeat goes on where it was. */
export async function administer<Report>(
  context: Context,
  command: AdministrationCommand,
  settings: Record<string, string> = {},
): Promise<Report> {
  const script = join(repositoryRoot(), 'apps', 'ledger-sequencer', 'dist', 'administer.js')
  if (!existsSync(script)) throw new CliError(EXIT.failure, 'ledger-sequencer is not built: run npm run build')
  const env = { ...environmentOf(context.dataDir(), context.runningState()), ...settings }
  const child = spawn(process.execPath, [script, command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let last = ''
  createInterface({ input: child.stderr }).on('line', (line) => context.terminal.note((last = line)))
  const out: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new CliError(EXIT.failure, last || `${command} ended with ${String(code)}`)
  return JSON.parse(Buffer.concat(out).toString()) as Report
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
