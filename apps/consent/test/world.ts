// A consent service on a real Postgres without HTTP and broker: what decides is the database.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeploymentPolicy } from '@careseal/consent-policy'
import type { Caller, EventType, Role } from '@careseal/contracts'
import { EventStore, retryOnConflict, transaction, type Tx } from '@careseal/event-store'
import { fileKms, SubjectKeys } from '@careseal/keys'
import { deploymentIdOf, type EventTransactions } from '@careseal/nest-event-store'
import { dataSourceOptions, runMigrations } from '@careseal/service-kit'
import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { DataSource } from 'typeorm'
import { ActiveConsent } from '../src/active-consents/active-consent.entity.js'
import { ConsentHead } from '../src/active-consents/consent-head.entity.js'
import { consentResource } from '../src/consent/consent.builder.js'
import type { ConsentTerms } from '../src/consent/consent.decider.js'
import { ConsentReader } from '../src/consent/consent-reader.js'
import { ConsentVault } from '../src/consent/consent-vault.js'
import { ConsentVersion } from '../src/consent/consent-version.entity.js'
import {
  ConsentRecorders,
  ConsentService,
  newId,
  type StoredConsent,
  type Write,
} from '../src/consent/consent.service.js'
import { DecisionPolicy, DecisionService } from '../src/decisions/decision.service.js'
import { ReachablePatients } from '../src/decisions/reachable-patients.query.js'
import { CreateConsent1764000000000 } from '../src/migrations/1764000000000-create-consent.js'

export const ORIGIN = 'careseal.test/ledger'

export type World = Awaited<ReturnType<typeof startWorld>>

/** Postgres with the consent schema, and the services over it. Statements of all services run as the role `consent`. */
export async function startWorld(policy: DeploymentPolicy = { read: 'deny', write: 'permit' }) {
  const postgres = await startPostgres({ durable: false })
  const { url, ownerUrl } = (await provisionDatabase(postgres.url)).consent
  await runMigrations({ url: ownerUrl, service: 'consent', migrations: [CreateConsent1764000000000] })
  const entities = [ActiveConsent, ConsentHead, ConsentVersion]
  const dataSource = await new DataSource(dataSourceOptions({ url, service: 'consent', entities })).initialize()
  const folder = mkdtempSync(join(tmpdir(), 'careseal-consent-'))
  const services = servicesOver(dataSource, folder, policy)
  const stop = async () => {
    await dataSource.destroy()
    await postgres.stop()
    rmSync(folder, { recursive: true })
  }
  return { postgres, url, dataSource, stop, ...services, ...shortcuts(services, dataSource) }
}

function servicesOver(dataSource: DataSource, folder: string, policy: DeploymentPolicy) {
  const keyFile = join(folder, 'kms.key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const keys = new SubjectKeys({ kms: fileKms(keyFile), randomBytes, randomUuid: randomUUID })
  const store = new EventStore({
    producer: 'consent',
    origin: ORIGIN,
    deploymentId: deploymentIdOf(ORIGIN),
    acquireKeys: (sql, ids, how) => keys.acquire(sql, ids, how),
    acquireKeyVersions: (sql, ids) => keys.acquireVersions(sql, ids),
    randomBytes,
    randomUuid: randomUUID,
  })
  const run = <T>(work: (tx: Tx) => Promise<T>) => transaction(dataSource, work)
  const transactions = {
    run,
    runWithRetry: <T>(work: (tx: Tx) => Promise<T>) => retryOnConflict(() => run(work)),
  } as EventTransactions
  const recorders = new ConsentRecorders(new Set<Role>(['practitioner']))
  const vault = new ConsentVault(keys, ORIGIN)
  const consents = new ConsentService(store, vault, recorders)
  const decisions = new DecisionService(transactions, store, keys, new DecisionPolicy(policy))
  const reachable = new ReachablePatients(dataSource, new DecisionPolicy(policy))
  const reader = new ConsentReader(transactions, store, vault, recorders)
  return { keys, store, consents, decisions, reachable, reader, transactions }
}

function shortcuts({ consents, transactions }: ReturnType<typeof servicesOver>, dataSource: DataSource) {
  const write = (one: Write) => transactions.runWithRetry((tx) => consents.writeIn(tx, one))
  return {
    write,
    async grant(patient: Caller, terms: Partial<ConsentTerms> = {}): Promise<StoredConsent> {
      const patientId = patient.patientId!
      const command = {
        type: 'GrantConsent' as const,
        actor: consents.actorOf(patient),
        consentId: newId(),
        versionId: newId(),
        patientId,
        terms: { effect: 'permit' as const, grantees: [], purposes: [], ...terms },
      }
      return write({ command, resource: consentResource(patientId) })
    },
    async revoke(patient: Caller, { consentId }: StoredConsent): Promise<StoredConsent> {
      const patientId = patient.patientId!
      const actor = consents.actorOf(patient)
      const command = { type: 'RevokeConsent' as const, actor, consentId, versionId: newId(), patientId }
      const resource = { ...consentResource(patientId), status: 'inactive' }
      return write({ command, resource })
    },
    async eventTypes(): Promise<EventType[]> {
      const rows = await dataSource.query<{ event_type: EventType }[]>('SELECT event_type FROM event ORDER BY pk')
      return rows.map((row) => row.event_type)
    },
  }
}

export type { RunningPostgres }
