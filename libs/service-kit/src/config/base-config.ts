// The environment that services share. Each key's description is shown as the mend when the key is missing or wrong.
import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65535)
const milliseconds = z.coerce.number().int().min(0)
const flag = z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'], case: 'sensitive' })
const httpUrl = z.url({ protocol: /^https?$/ })
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/ })

/** What every process that serves HTTP needs. An attacker who can change these can silence or expose the process. */
export const baseConfig = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('production')
    .describe('development, test or production'),
  HOST: z.string().default('127.0.0.1').describe('the address to listen on, 0.0.0.0 in a container'),
  PORT: port.describe('the port for HTTP, 0 for any free one'),
  METRICS_PORT: port.describe('the port for GET /metrics, 0 for any free one; keep it from the public'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('fatal, error, warn, info, debug, trace or silent'),
  TRUST_PROXY: flag.default(false).describe('true only behind a proxy that overwrites X-Forwarded-For'),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .positive()
    .default(600_000)
    .describe('requests that one address, and one client, may make in a minute at each replica'),
  JSON_DEPTH_MAX: z.coerce.number().int().positive().default(100).describe('how deep a JSON body may nest'),
  DRAIN_DELAY_MS: milliseconds
    .default(500)
    .describe('how long to go on serving after SIGTERM, so that proxies see /readyz fail'),
  DRAIN_DEADLINE_MS: milliseconds.default(25_000).describe('how long all of the shutdown may take'),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional().describe('base URL of a trace collector (OTLP over HTTP)'),
} as const

/** The environment of a service that owns tables. Who changes DATABASE_URL decides where history is written. */
export const databaseConfig = {
  DATABASE_URL: postgresUrl.describe('postgres://<service role>@host:port/careseal'),
  KMS_KEY_FILE: z.string().min(1).describe('path of a 0600 file with 32 bytes in hex, the root of all keys'),
} as const

export const migrationConfig = {
  MIGRATION_DATABASE_URL: postgresUrl.describe('postgres://<service>_owner@host:port/careseal'),
} as const

export const messagingConfig = {
  NATS_URL: z.url({ protocol: /^(nats|tls|ws|wss)$/ }).describe('nats://host:port of the broker'),
  NATS_NKEY_SEED_FILE: z.string().min(1).optional().describe("path of the file with this service's NATS user seed"),
  NATS_CA_FILE: z.string().min(1).optional().describe('path of the CA certificate of the broker'),
  CONSUMERS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('path of the file that names outside consumers and what each was granted'),
  NATS_MANAGE_STREAMS: flag.default(true).describe('false where streams are made by the deployer'),
} as const

export const ledgerConfig = {
  LEDGER_ORIGIN: z.string().min(1).describe("the ledger's origin, for example careseal.example/ledger"),
  LEDGER_URL: httpUrl.describe('internal base URL of the ledger-sequencer'),
} as const

/** Whose tokens are believed. Who changes AUTH_JWKS_URL may be anybody. */
export const authConfig = {
  PUBLIC_ORIGIN: httpUrl
    .refine((url) => new URL(url).origin === url, 'must be an origin without a path or a slash at the end')
    .describe('the origin that users see, for example http://localhost:8080'),
  AUTH_ISSUER: httpUrl.optional().describe('the issuer of access tokens, PUBLIC_ORIGIN/auth by default'),
  AUTH_JWKS_URL: httpUrl.describe("internal URL of the issuer's keys, for example http://127.0.0.1:7101/auth/jwks"),
} as const

/** Everything that a service with tables, events, a ledger and callers needs. */
export const serviceConfig = {
  ...baseConfig,
  ...databaseConfig,
  ...messagingConfig,
  ...ledgerConfig,
  ...authConfig,
  CARESEAL_DEMO: flag.default(false).describe('true where demo logins are offered; never in production'),
} as const

const base = z.object(baseConfig)
export type BaseConfig = z.infer<typeof base>
const service = z.object(serviceConfig)
export type ServiceConfig = z.infer<typeof service>

/** Issuer, audience and key URL of access tokens, with their defaults worked out. */
export function tokenAuthority(config: Pick<ServiceConfig, 'PUBLIC_ORIGIN' | 'AUTH_ISSUER' | 'AUTH_JWKS_URL'>) {
  return {
    issuer: config.AUTH_ISSUER ?? `${config.PUBLIC_ORIGIN}/auth`,
    audience: `${config.PUBLIC_ORIGIN}/fhir`,
    jwksUrl: config.AUTH_JWKS_URL,
  }
}
