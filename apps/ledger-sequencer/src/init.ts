// `careseal ledger init` as a program: exit 0 when the ledger is there, 1 when it is refused, 78 for a wrong environment.
import { ledgerConfig, loadConfigOrExit } from '@careseal/service-kit'
import { sha256 } from '@careseal/crypto'
import { parsePolicy } from '@careseal/ledger-core'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { config } from './config.js'
import { initLedger } from './genesis/init-ledger.js'
import { signerConfig } from './signer-service/signer-config.js'

const list = z.string().transform((text) => text.split(',').filter((name) => name !== ''))

const environment = loadConfigOrExit(
  'ledger init',
  z.object({
    ...ledgerConfigOf(),
    PRODUCERS: list.describe('names of the producers to admit, separated by commas'),
    PREVIOUS_CHECKPOINT_FILE: z
      .string()
      .min(1)
      .optional()
      .describe('path of the last witnessed checkpoint of the ledger that this one succeeds'),
    PREVIOUS_POLICY_FILE: z
      .string()
      .min(1)
      .optional()
      .describe('path of the C2SP policy of that ledger, whose quorum must have co-signed that checkpoint'),
    OPERATOR_VKEYS: list.default([]).describe('vkeys of those who approve administration, separated by commas'),
  }),
)

const { PREVIOUS_CHECKPOINT_FILE: previous, PREVIOUS_POLICY_FILE: policy } = environment

try {
  const result = await initLedger({
    dir: environment.SIGNER_STATE_DIR,
    origin: environment.LEDGER_ORIGIN,
    producers: environment.PRODUCERS,
    operators: environment.OPERATOR_VKEYS,
    databaseUrl: environment.DATABASE_URL,
    ...(previous === undefined ? {} : { previous: readFileSync(previous, 'utf8') }),
    ...(policy === undefined ? {} : { previousPolicy: parsePolicy(sha256, readFileSync(policy, 'utf8')) }),
  })
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  process.stderr.write(`ledger init: ${error instanceof Error ? error.message : 'failed'}\n`)
  process.exitCode = 1
}

function ledgerConfigOf() {
  const { DATABASE_URL } = config.shape
  const { SIGNER_STATE_DIR } = signerConfig.shape
  return { SIGNER_STATE_DIR, DATABASE_URL, LEDGER_ORIGIN: ledgerConfig.LEDGER_ORIGIN }
}
