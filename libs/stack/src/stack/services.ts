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
  // Apart from its service's other routes: who listens for hours holds a connection, and must not use those up.
  { prefix: '/ledger/feed', service: 'ledger-sequencer', bodyBytesMax: 0 },
  { prefix: '/ledger', service: 'ledger-sequencer', bodyBytesMax: MEBIBYTE },
  { prefix: '/audit', service: 'audit', bodyBytesMax: MEBIBYTE },
  { prefix: '/', service: 'records', bodyBytesMax: 32 * MEBIBYTE },
]

/** Where one service listens. */
export type ServicePorts = { host: string; port: number; metricsPort: number }

/** What a service reaches over the network. */
export type RouteTarget = 'postgres' | 'nats' | ServiceName | WitnessName

export type WitnessName = `witness-${number}`

/** The name of a witness by its place, from 0. */
export function witnessName(place: number): WitnessName {
  return `witness-${place + 1}`
}

/** Where things listen and how they find one another; without it all of them are on the loopback interface. */
export type StackNetwork = {
  /** The address of NATS and Postgres, if they are native. */
  partsHost?: string
  serviceHost?: (name: ServiceName) => string
  /** Put before the command of a service, such as one that enters a network namespace. */
  launcher?: (name: ServiceName) => readonly string[]
  /** The URL that a service is told for a target, such as one of a proxy in between. */
  routeOf?: (service: ServiceName, target: RouteTarget, url: string) => string
}

/** What a service's environment is made of. */
export type Surroundings = {
  /** The folder with the services' programs; default the `apps` of the repository. */
  programs?: string | undefined
  ports: Record<ServiceName, ServicePorts>
  network: StackNetwork
  publicOrigin: string
  ledgerOrigin: string
  natsUrl: string
  databaseUrl: (role: string) => string
  files: {
    kmsKey: (name: ServiceName) => string
    natsSeed: (name: ServiceName) => string
    bootstrapClients: string
    signerState: string
    /** Whose witnesses co-sign; null where there are none. */
    policy: string | null
    consumers: string
  }
  demo: boolean
  logLevel: string
  /** Where the ledger is one of two sequencers: the address in front of both, and what they are told of their signer. */
  pair?: { host: string; port: number; signer: Record<string, string> } | undefined
}

function routed(
  from: ServiceName,
  target: RouteTarget,
  { url, around }: { url: string; around: Surroundings },
): string {
  return around.network.routeOf?.(from, target, url) ?? url
}

function urlOf(from: ServiceName, target: ServiceName, around: Surroundings): string {
  const { host, port } = (target === 'ledger-sequencer' && around.pair) || around.ports[target]
  return routed(from, target, { url: `http://${host}:${port}`, around })
}

/** The whole environment of one service. `extra` wins; nothing comes from the supervisor's own but PATH and OTEL_*. */
export function environmentOf(
  name: ServiceName,
  around: Surroundings,
  extra: Record<string, string> = {},
): Record<string, string> {
  const { host, port, metricsPort } = around.ports[name]
  const database = databaseServiceOf(name)
  return {
    ...inherited(),
    NODE_ENV: 'production',
    HOST: host,
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    LOG_LEVEL: around.logLevel,
    TRUST_PROXY: 'true',
    DATABASE_URL: routed(name, 'postgres', { url: around.databaseUrl(database), around }),
    NATS_URL: routed(name, 'nats', { url: around.natsUrl, around }),
    NATS_NKEY_SEED_FILE: around.files.natsSeed(name),
    NATS_MANAGE_STREAMS: 'true',
    CONSUMERS_FILE: around.files.consumers,
    KMS_KEY_FILE: around.files.kmsKey(name),
    LEDGER_ORIGIN: around.ledgerOrigin,
    LEDGER_URL: urlOf(name, 'ledger-sequencer', around),
    PUBLIC_ORIGIN: around.publicOrigin,
    AUTH_JWKS_URL: `${urlOf(name, 'identity', around)}/auth/jwks`,
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
      return { CONSENT_URL: urlOf(name, 'consent', around), AUDIT_URL: urlOf(name, 'audit', around) }
    case 'ledger-sequencer':
      return sequencerEnvironment(around)
    default:
      return {}
  }
}

function sequencerEnvironment({ files, pair }: Surroundings): Record<string, string> {
  const policy = files.policy === null ? {} : { LEDGER_POLICY_FILE: files.policy }
  return { ...(pair?.signer ?? { SIGNER_STATE_DIR: files.signerState }), ...policy }
}

function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([key]) =>
    /^(PATH|HOME|TZ|LANG|OTEL_.*|NODE_EXTRA_CA_CERTS)$/.test(key),
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, value ?? '']))
}
