// `careseal ledger recover` as a program: exit 0 and a report when the ledger is there again, 1 when it is refused, 78 for
// a wrong environment.
import { loadConfigOrExit } from '@careseal/service-kit'
import { z } from 'zod'
import { environment } from './config.js'
import { recoverLedger } from './recovery/recover-ledger.js'

const { DATABASE_URL, SIGNER_STATE_DIR, LEDGER_POLICY_FILE, COSIGN_DEADLINE_MS } = environment.shape
const given = loadConfigOrExit(
  'ledger recover',
  z.object({
    DATABASE_URL,
    SIGNER_STATE_DIR,
    LEDGER_POLICY_FILE,
    COSIGN_DEADLINE_MS,
    MIRROR: z.string().min(1).describe('base URL of a mirror of the log, or the folder of an export'),
  }),
)

try {
  const report = await recoverLedger({
    from: given.MIRROR,
    signerStateDir: given.SIGNER_STATE_DIR,
    databaseUrl: given.DATABASE_URL,
    policy: given.LEDGER_POLICY_FILE,
    deadlineMs: given.COSIGN_DEADLINE_MS,
    onProgress: (entries, total) => process.stderr.write(`${entries} of ${total} entries\n`),
  })
  process.stdout.write(`${JSON.stringify(report)}\n`)
} catch (error) {
  process.stderr.write(`ledger recover: ${error instanceof Error ? error.message : 'failed'}\n`)
  process.exitCode = 1
}
