// The administration of a ledger as a program, beside the sequencer: exit 0 with a report as JSON on stdout, 1 with the
// reason on stderr, 78 for a wrong environment. `node dist/administer.js COMMAND`; COMMANDS has them all.
import { sha256 } from '@careseal/crypto'
import { parsePolicy, type Policy } from '@careseal/ledger-core'
import { ledgerConfig, loadConfigOrExit } from '@careseal/service-kit'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { governanceOf, operatorOf, type Administration } from './administration/administration.js'
import { recordPolicy, type PolicyReport } from './administration/record-policy.js'
import { retreatSigner } from './administration/retreat-signer.js'
import { rotateLogKey } from './administration/rotate-log-key.js'
import { rotateWitnessKey } from './administration/rotate-witness-key.js'
import { config } from './config.js'
import { readingPool } from './database/connections.js'
import { openSigner } from './signer/open-signer.js'

const { DATABASE_URL, SIGNER_STATE_DIR, SIGNER_URL, SIGNER_SECRET_FILE, SIGNER_CA_FILE } = config.shape
const files = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter(Boolean))

const environment = z.object({
  DATABASE_URL,
  SIGNER_STATE_DIR,
  SIGNER_URL,
  SIGNER_SECRET_FILE,
  SIGNER_CA_FILE,
  LEDGER_URL: ledgerConfig.LEDGER_URL,
  LEDGER_POLICY_FILE: z.string().min(1).optional().describe('path of the C2SP policy whose witnesses are asked'),
  OPERATOR_KEY_FILES: files.describe('PEM files of two operators of the genesis, separated by a comma'),
  PATIENCE_MS: z.coerce.number().int().positive().default(60_000).describe('how long others are waited for'),
  OLD_VKEY: z.string().default('').describe('rotate-witness: the key that ends'),
  NEW_VKEY: z.string().default('').describe('rotate-witness: the key that takes its place'),
  REASON: z.enum(['rotated', 'stolen']).default('rotated').describe('why the old key ends'),
  AT_ONCE: z.stringbool().default(false).describe('true ends the old key without waiting for witnesses'),
})

type Given = z.infer<typeof environment>

const COMMANDS: Record<string, (administration: Administration, given: Given) => Promise<object>> = {
  status: statusOf,
  retreat: retreatSigner,
  'record-policy': recordPolicyOf,
  'rotate-log': (administration, { REASON: reason, AT_ONCE: atOnce }) =>
    rotateLogKey(administration, { reason, atOnce }),
  'rotate-witness': (administration, { OLD_VKEY: old, NEW_VKEY: next, REASON: reason, AT_ONCE: atOnce }) =>
    rotateWitnessKey(administration, { old, next, reason, atOnce }),
}

const given = loadConfigOrExit('ledger administer', environment)
const pool = readingPool(given.DATABASE_URL, { name: 'administer', max: 2 })
try {
  const command = COMMANDS[process.argv[2] ?? '']
  if (!command) throw new Error(`name one of ${Object.keys(COMMANDS).join(', ')}`)
  const administration: Administration = {
    sql: pool,
    signer: await openSigner(given),
    ledgerUrl: given.LEDGER_URL,
    operators: given.OPERATOR_KEY_FILES.map(operatorOf),
    policy: policyOf(given.LEDGER_POLICY_FILE),
    patienceMs: given.PATIENCE_MS,
    onProgress: (told) => process.stderr.write(`${told}\n`),
  }
  process.stdout.write(`${JSON.stringify(await command(administration, given))}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`)
  process.exitCode = 1
} finally {
  await pool.end()
}

async function statusOf(administration: Administration): Promise<object> {
  const { signed, vkeys, retreat } = await administration.signer.read()
  const { keys } = await governanceOf(administration)
  return {
    signedSize: signed.size,
    signedRoot: Buffer.from(signed.root).toString('hex'),
    holds: vkeys,
    inForce: keys.filter(({ untilSize }) => untilSize === null).map(({ owner, vkey }) => ({ owner, vkey })),
    retreat: retreat && { index: retreat.index, data: retreat.admin.data },
  }
}

async function recordPolicyOf(
  administration: Administration,
  { LEDGER_POLICY_FILE: file }: Given,
): Promise<PolicyReport> {
  if (file === undefined) throw new Error('name the policy to record: LEDGER_POLICY_FILE')
  return recordPolicy(administration, readFileSync(file, 'utf8'))
}

function policyOf(file: string | undefined): Policy {
  if (file === undefined) return { logs: [], witnesses: [], groups: [], quorum: null }
  return parsePolicy(sha256, readFileSync(file, 'utf8'))
}
