// The five services as the supervisor sees them: which folder, which database role, which part of the origin.
import type { DatabaseService } from '../provision.js'

export const SERVICE_NAMES = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer'] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

/** The database role of a service; the sequencer's is `ledger`. */
export function databaseServiceOf(name: ServiceName): DatabaseService {
  return name === 'ledger-sequencer' ? 'ledger' : name
}

/** A part of the one origin: who answers there, and the largest body that this service takes. */
export type Route = { prefix: string; service: ServiceName; bodyBytesMax: number }

const MEBIBYTE = 1024 * 1024

/** Path prefixes of the one origin; records answers all that no other does. */
export const ROUTES: readonly Route[] = [
  { prefix: '/auth', service: 'identity', bodyBytesMax: MEBIBYTE },
  { prefix: '/ledger', service: 'ledger-sequencer', bodyBytesMax: MEBIBYTE },
  { prefix: '/audit', service: 'audit', bodyBytesMax: MEBIBYTE },
  { prefix: '/', service: 'records', bodyBytesMax: 32 * MEBIBYTE },
]

/** Where one service listens on this machine. */
export type ServicePorts = { port: number; metricsPort: number }

/** What a service's environment is made of. */
export type Surroundings = {
  ports: Record<ServiceName, ServicePorts>
  publicOrigin: string
  ledgerOrigin: string
  natsUrl: string
  databaseUrl: (role: string) => string
  files: {
    kmsKey: (name: ServiceName) => string
    natsSeed: (name: ServiceName) => string
    bootstrapClients: string
    signerState: string
  }
  demo: boolean
  logLevel: string
}

const loopback = (ports: ServicePorts) => `http://127.0.0.1:${ports.port}`

/** The whole environment of one service. `extra` wins; nothing comes from the supervisor's own but PATH and OTEL_*. */
export function environmentOf(
  name: ServiceName,
  around: Surroundings,
  extra: Record<string, string> = {},
): Record<string, string> {
  const { port, metricsPort } = around.ports[name]
  const database = databaseServiceOf(name)
  return {
    ...inherited(),
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    LOG_LEVEL: around.logLevel,
    TRUST_PROXY: 'true',
    DATABASE_URL: around.databaseUrl(database),
    NATS_URL: around.natsUrl,
    NATS_NKEY_SEED_FILE: around.files.natsSeed(name),
    NATS_MANAGE_STREAMS: 'true',
    KMS_KEY_FILE: around.files.kmsKey(name),
    LEDGER_ORIGIN: around.ledgerOrigin,
    LEDGER_URL: loopback(around.ports['ledger-sequencer']),
    PUBLIC_ORIGIN: around.publicOrigin,
    AUTH_JWKS_URL: `${loopback(around.ports.identity)}/auth/jwks`,
    CARESEAL_DEMO: String(around.demo),
    ...ownEnvironment(name, around),
    ...extra,
  }
}

/** The environment of a service's migration, which runs as the owner of its schemas. */
export function migrationEnvironmentOf(name: ServiceName, around: Surroundings): Record<string, string> {
  const owner = around.databaseUrl(`${databaseServiceOf(name)}_owner`)
  return { ...environmentOf(name, around), MIGRATION_DATABASE_URL: owner }
}

function ownEnvironment(name: ServiceName, around: Surroundings): Record<string, string> {
  switch (name) {
    case 'identity':
      return { BOOTSTRAP_CLIENTS_FILE: around.files.bootstrapClients }
    case 'records':
      return { CONSENT_URL: loopback(around.ports.consent), AUDIT_URL: loopback(around.ports.audit) }
    case 'ledger-sequencer':
      return { SIGNER_STATE_DIR: around.files.signerState }
    default:
      return {}
  }
}

function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([key]) =>
    /^(PATH|HOME|TZ|LANG|OTEL_.*|NODE_EXTRA_CA_CERTS)$/.test(key),
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, value ?? '']))
}
