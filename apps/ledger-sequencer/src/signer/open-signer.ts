// Which signer a sequencer asks: one of its own, in a folder on this machine, or the one of the cluster.
import type { SequencerConfig } from '../config.js'
import { RemoteSigner } from '../signer-service/remote-signer.js'
import type { LogSigner } from './log-signer.js'
import { Signer } from './signer.js'

export type SignerPlace = Pick<
  SequencerConfig,
  'SIGNER_STATE_DIR' | 'SIGNER_URL' | 'SIGNER_SECRET_FILE' | 'SIGNER_CA_FILE'
>

/** Throws an error with the mend unless exactly one place is named. */
export async function openSigner(config: SignerPlace): Promise<LogSigner> {
  const { SIGNER_STATE_DIR: dir, SIGNER_URL: url, SIGNER_SECRET_FILE: secretFile, SIGNER_CA_FILE: caFile } = config
  if (url === undefined && dir !== undefined) return Signer.open(dir)
  if (url !== undefined && dir === undefined && secretFile !== undefined) {
    return new RemoteSigner({ url, secretFile, caFile })
  }
  throw new Error('name the signer once: SIGNER_STATE_DIR, or SIGNER_URL with SIGNER_SECRET_FILE')
}
