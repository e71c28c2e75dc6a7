// NATS and Postgres for one stack: native processes, or containers where an engine answers.
import type { ConsumerGrant } from '@careseal/contracts'
import { databaseUrl, provisionDatabase } from '../provision.js'
import { areContainersAvailable, startContainerNats, startContainerPostgres } from './containers.js'
import { databasePasswords, natsUsers, superuserPassword, type NatsUser } from './credentials.js'
import { consumersOf } from './consumers.js'
import type { DataDir } from './data-dir.js'
import { startNativeNats, startNativePostgres } from './parts.js'
import type { ControlledNats, ControlledPart } from './parts.js'
import { SERVICE_NAMES } from './services.js'

export type PartsKind = 'auto' | 'native' | 'containers'

/** The running parts of one stack. */
export type Parts = {
  readonly nats: ControlledNats
  readonly postgres: ControlledPart
  readonly superuserUrl: string
  databaseUrl(role: string): string
  /** Makes the database, its roles and schemas. */
  provision(): Promise<void>
  stop(): Promise<void>
}

/** Renders the `authorization` block of nats.conf. */
export type NatsAuthorization = (
  users: readonly NatsUser[],
  options: { manageStreams: boolean; consumers: readonly ConsumerGrant[] },
) => string

export type StartPartsOptions = {
  parts?: PartsKind
  dataDir: DataDir
  durable?: boolean
  natsAuthorization?: NatsAuthorization
  onCrash: (name: string, error: unknown) => void
  /** Where native parts listen. Default 127.0.0.1. */
  host?: string | undefined
  restartDelayMsMax?: number | undefined
}

/** Starts both at once. Throws if either does not start; the other is stopped again. */
export async function startParts(options: StartPartsOptions): Promise<Parts> {
  const { dataDir } = options
  const render = options.natsAuthorization ?? authorizationForAll
  const settings = {
    postgresDir: dataDir.path('postgres'),
    natsDir: dataDir.path('nats'),
    superuserPassword: superuserPassword(dataDir),
    natsConfig: () =>
      render(natsUsers(dataDir, SERVICE_NAMES), { manageStreams: true, consumers: consumersOf(dataDir) }),
    durable: options.durable ?? true,
    onCrash: options.onCrash,
    host: options.host,
    restartDelayMsMax: options.restartDelayMsMax,
  }
  const inContainers = await useContainers(options)
  const starting = [
    inContainers ? startContainerPostgres(settings) : startNativePostgres(settings),
    inContainers ? startContainerNats(settings) : startNativeNats(settings),
  ] as const
  const started = await Promise.allSettled(starting)
  const failed = started.find((one) => one.status === 'rejected')
  if (failed) {
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop()
    throw failed.reason
  }
  return partsOf(await starting[0], await starting[1], dataDir)
}

function partsOf(postgres: ControlledPart, nats: ControlledNats, dataDir: DataDir): Parts {
  const passwords = databasePasswords(dataDir)
  return {
    nats,
    postgres,
    superuserUrl: databaseUrl(postgres.url),
    databaseUrl: (role) => databaseUrl(postgres.url, { role, password: passwords[role] ?? '' }),
    provision: async () => void (await provisionDatabase(postgres.url, passwords)),
    stop: async () => void (await Promise.all([nats.stop(), postgres.stop()])),
  }
}

async function useContainers({ parts = 'auto', dataDir }: StartPartsOptions): Promise<boolean> {
  if (parts === 'native') return false
  if (parts === 'containers') return true
  // Data that must outlive the stack is kept where a user can see and copy it.
  return dataDir.isTemporary && areContainersAvailable()
}

function authorizationForAll(users: readonly NatsUser[]): string {
  return `authorization { users: [${users.map(({ publicNkey }) => `{ nkey: ${publicNkey} }`).join(', ')}] }\n`
}
