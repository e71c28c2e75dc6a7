export { startPostgres, type PostgresOptions, type RunningPostgres } from './postgres.js'
export { startNats, type NatsOptions, type RunningNats } from './nats.js'
export { findNatsServer, natsServerPath, NatsServerMissing } from './nats-binary.js'
export { unpackFromNewerSuite, type PackagedFile } from './newer-suite.js'
export { freePort } from './port.js'
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
