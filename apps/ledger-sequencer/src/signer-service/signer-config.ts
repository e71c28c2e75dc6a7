// The environment of the signer's own process. It reaches no database and no broker.
import { baseConfig } from '@careseal/service-kit'
import { z } from 'zod'

export const signerConfig = z.object({
  HOST: baseConfig.HOST,
  PORT: baseConfig.PORT,
  LOG_LEVEL: baseConfig.LOG_LEVEL,
  // An attacker who can write here can fork the ledger: the log's key and the signer's memory lie in it.
  SIGNER_STATE_DIR: z.string().min(1).describe('the folder with key, genesis and signer state that `ledger init` made'),
  // Who reads it can have any tree signed that continues the signed one, and so stop the ledger; not go back in it.
  SIGNER_SECRET_FILE: z.string().min(1).describe('path of a file with at least 32 characters, as sequencers have it'),
  TLS_CERT_FILE: z.string().min(1).optional().describe('certificate in PEM; needed unless HOST is the loopback'),
  TLS_KEY_FILE: z.string().min(1).optional().describe('its key in PEM'),
})
