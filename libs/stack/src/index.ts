export { startPostgres, type PostgresOptions, type RunningPostgres } from './parts/postgres.js'
export { startNats, type NatsOptions, type RunningNats } from './parts/nats.js'
export { findNatsServer, natsServerPath, NatsServerMissing } from './parts/nats-binary.js'
export { unpackFromNewerSuite, type PackagedFile } from './parts/newer-suite.js'
export { postgresVersion } from './parts/postgres-binaries.js'
export { freePort, isPortFree } from './parts/port.js'
export {
  DATABASE,
  DATABASE_SERVICES,
  databaseUrl,
  loginRoles,
  provisionDatabase,
  provisionSql,
  type DatabasePasswords,
  type DatabaseService,
  type DatabaseUrls,
} from './provision.js'
export { createCaresealStack, STEPS, type CaresealStack, type StackOptions, type Step } from './stack/careseal-stack.js'
export { createPeopleLogins, createSystemLogins, demoPeopleAt, idsAt, type DemoPeople } from './stack/demo-logins.js'
export { ContainersUnavailable, findContainerImages } from './stack/containers.js'
export { holderOf, isRunning, startOf, takePidFile } from './stack/pid-file.js'
export { TokenRefused } from './stack/tokens.js'
export { startingProcess } from './stack/start-lock.js'
export { madeOnce } from './stack/made-once.js'
export { fingerprintOf, PACKED, packedPrograms, type Programs } from './stack/packed-programs.js'
export { untilSealed, type SealingOptions } from './stack/until-sealed.js'
export { consumersFile, consumersOf, writeConsumers } from './stack/consumers.js'
export { openDataDir, type DataDir } from './stack/data-dir.js'
export { writeDurably } from './stack/durable-file.js'
export {
  clientKey,
  databasePasswords,
  kmsKeyFile,
  natsSeedFile as natsSeedFileOf,
  publicNkeyOf,
  operatorKeyFiles,
  publicHalf,
  type NatsUser,
} from './stack/credentials.js'
export { defaultScopeOf, loginsOf, OPERATOR, tokenOf, UnknownLogin, type LoginRecord } from './stack/logins.js'
export { holdsLedger, originOf, readLastState, readRunningState, type Login, type StackState } from './stack/state.js'
export {
  SERVICE_NAMES,
  type RouteTarget,
  type ServiceName,
  type StackNetwork,
  type WitnessName,
} from './stack/services.js'
export { runProgram, type ProgramOptions } from './stack/run-program.js'
export { lastLines, repositoryRoot } from './stack/service-process.js'
export type { SequencerPair } from './stack/sequencer-pair.js'
export type { ControlledService } from './stack/service-set.js'
export { administerOffline, initSuccessor, recoverLedger, type LedgerRecovery } from './stack/offline-ledger.js'
export { witnessCountOf, type ControlledWitness } from './stack/witness-set.js'
export type { ControlledNats, ControlledPart } from './stack/parts.js'
export type { PartsKind } from './stack/start-parts.js'
