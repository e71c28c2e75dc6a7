// The signer's own process: exit 0 when told to end, 1 when its folder is not whole or another process holds it, 78 for a
// wrong environment.
import { lockFolder } from '@careseal/cosigner'
import { createLogger } from '@careseal/observability'
import { loadConfigOrExit } from '@careseal/service-kit'
import { readFileSync } from 'node:fs'
import { heldForLife } from './signer/folder-turn.js'
import { Signer } from './signer/signer.js'
import { readSecret } from './signer-service/secret.js'
import { signerConfig } from './signer-service/signer-config.js'
import { startSignerServer } from './signer-service/signer-server.js'

const config = loadConfigOrExit('ledger signer', signerConfig)
const log = createLogger({ service: 'ledger-signer', level: config.LOG_LEVEL })

try {
  // Held until the process ends, however it ends: two signers of one memory could sign two trees.
  const lock = lockFolder(config.SIGNER_STATE_DIR)
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key } = config
  const server = await startSignerServer({
    signer: await Signer.open(config.SIGNER_STATE_DIR, heldForLife),
    secret: readSecret(config.SIGNER_SECRET_FILE),
    host: config.HOST,
    port: config.PORT,
    tls: cert && key ? { cert: readFileSync(cert), key: readFileSync(key) } : undefined,
    onFailure: (path, code) => log.warn({ path, code }, 'a request failed'),
  })
  log.info({ port: server.port }, 'ready')
  const end = () => void server.stop().then(() => lock.release())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end)
} catch (error) {
  log.fatal({ err: error }, 'the signer did not start')
  process.exitCode = 1
}
