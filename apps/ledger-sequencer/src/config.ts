// The environment of the sequencer. It holds no key of subjects and reads no tables but its own.
import { baseConfig, ledgerConfig, messagingConfig } from '@careseal/service-kit'
import { z } from 'zod'
import { isPolicyOf, NO_POLICY, policyOfFile } from './cosigning/witness-policy.js'

const milliseconds = (fallback: number) => z.coerce.number().int().positive().default(fallback)
const count = (fallback: number) => z.coerce.number().int().positive().default(fallback)

/** Each variable by itself; `config` also looks at them together. */
export const environment = z.object({
  ...baseConfig,
  ...messagingConfig,
  LEDGER_ORIGIN: ledgerConfig.LEDGER_ORIGIN,
  // An attacker who can change this writes into another history; the signer then signs nothing.
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).describe('postgres://ledger@host:port/careseal'),
  // An attacker who can write here can fork the ledger: the log's key and the signer's memory lie in it.
  SIGNER_STATE_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('the folder with key, genesis and signer state that `ledger init` made; not with SIGNER_URL'),
  // An attacker who answers here can keep the ledger from being signed; a signature of another key convinces nobody.
  SIGNER_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('the signer of the cluster, instead of SIGNER_STATE_DIR; https unless it is on this machine'),
  // Who reads it can have any tree signed that continues the signed one, and so stop the ledger; not go back in it.
  SIGNER_SECRET_FILE: z.string().min(1).optional().describe('path of the secret that is shared with the signer'),
  SIGNER_CA_FILE: z.string().min(1).optional().describe("path of the CA certificate of the signer's service"),
  LEDGER_LEASE_MS: milliseconds(1000).describe('how long a silent writer keeps the ledger from its standby'),
  BLOCK_ENTRIES_MAX: count(4096).describe('leaves in a block at most'),
  BLOCK_BYTES_MAX: count(1024 * 1024).describe('bytes of leaves in a block at most'),
  BLOCK_LINGER_MS: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(10)
    .describe('how long a leaf waits for others to share its block'),
  FEED_CLIENTS_MAX: count(64).describe('how many clients may listen to /ledger/feed at once'),
  CHECKPOINT_INTERVAL_MS: milliseconds(100).describe('the least time between two checkpoints'),
  CHECKPOINT_IDLE_MS: milliseconds(60_000).describe(
    'how often an unchanged checkpoint is co-signed and published again',
  ),
  // An attacker who can change this decides who must have seen a checkpoint before the world does.
  LEDGER_POLICY_FILE: z
    .string()
    .min(1)
    .transform(policyOfFile)
    .default(NO_POLICY)
    .describe('path of a C2SP tlog-policy with the witnesses, their URLs and the quorum; without it nobody co-signs'),
  COSIGN_DEADLINE_MS: milliseconds(2_000).describe('the longest that one request to a witness may take'),
})

// A policy that names other logs alone would be met by checkpoints that no verifier with it believes.
export const config = environment.superRefine(({ LEDGER_POLICY_FILE: policy, LEDGER_ORIGIN: origin }, context) => {
  if (isPolicyOf(policy, origin)) return
  context.addIssue({ code: 'custom', path: ['LEDGER_POLICY_FILE'], message: 'its logs do not name LEDGER_ORIGIN' })
})

export type SequencerConfig = z.infer<typeof config>
