// Roles and schemas of the one database: a service's role sees its own schemas and no other, owns nothing, and cannot
// erase; its owner role migrates; only the eraser role may delete keys and private parts. A service becomes its eraser
// in a transaction that says so (SET LOCAL ROLE), and inherits none of its rights (docs/adr, the eraser's rights).
import { Client } from 'pg'

/** The roles that log in, by schema. `ledger` is the sequencer's; it keeps no subject keys. */
export const DATABASE_SERVICES = ['identity', 'consent', 'records', 'audit', 'ledger'] as const
export type DatabaseService = (typeof DATABASE_SERVICES)[number]

/** The database that all services share by default. */
export const DATABASE = 'careseal'

/** Login role (`records`, `records_owner`, …) → password. */
export type DatabasePasswords = Record<string, string>

/** The roles for which {@link provisionSql} wants a password. */
export function loginRoles(): string[] {
  return DATABASE_SERVICES.flatMap((service) => [service, `${service}_owner`])
}

/**
 * SQL that a superuser runs in the database `careseal`, with psql or any client: roles, schemas, search paths.
 * Running it again changes nothing but the passwords. Throws if a login role has no password.
 */
export function provisionSql({ passwords }: { passwords: DatabasePasswords }): string {
  const head = ['REVOKE ALL ON SCHEMA public FROM PUBLIC;', `REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC;`]
  return [...head, ...DATABASE_SERVICES.map((service) => serviceSql(service, passwords))].join('\n')
}

function serviceSql(service: DatabaseService, passwords: DatabasePasswords): string {
  const owner = `${service}_owner`
  const schemas = service === 'ledger' ? [service] : [service, `${service}_keys`]
  const eraser = service === 'ledger' ? [] : [`${service}_eraser`]
  return [
    createRole(service, `LOGIN PASSWORD ${passwordOf(service, passwords)}`),
    createRole(owner, `LOGIN PASSWORD ${passwordOf(owner, passwords)}`),
    ...eraser.map((role) => createRole(role, 'NOLOGIN')),
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${owner};`),
    `GRANT CONNECT ON DATABASE ${DATABASE} TO ${service}, ${owner};`,
    `GRANT USAGE ON SCHEMA ${schemas.join(', ')} TO ${[service, ...eraser].join(', ')};`,
    ...eraser.map((role) => `GRANT ${role} TO ${service} WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;`),
    ...[service, owner, ...eraser].map((role) => `ALTER ROLE ${role} SET search_path = ${schemas.join(', ')};`),
    '',
  ].join('\n')
}

function createRole(role: string, attributes: string): string {
  return [
    `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;`,
    `ALTER ROLE ${role} NOSUPERUSER NOCREATEDB NOCREATEROLE ${attributes};`,
  ].join('\n')
}

function passwordOf(role: string, passwords: DatabasePasswords): string {
  const password = passwords[role]
  if (!password) throw new Error(`no password for the database role ${role}`)
  return `'${password.replaceAll("'", "''")}'`
}

/** Where a service finds its database: as itself, and as the owner that migrates. */
export type DatabaseUrls = Record<DatabaseService, { url: string; ownerUrl: string }>

/**
 * Creates the database `careseal` if it is missing, and its roles and schemas. `adminUrl` is a superuser's. Without
 * passwords every role gets one that equals its name: for tests alone.
 */
export async function provisionDatabase(
  adminUrl: string,
  passwords: DatabasePasswords = Object.fromEntries(loginRoles().map((role) => [role, role])),
): Promise<DatabaseUrls> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`)
  })
  await withClient(databaseUrl(adminUrl), (client) => client.query(provisionSql({ passwords })))
  const urlOf = (role: string) => databaseUrl(adminUrl, { role, password: passwords[role] ?? '' })
  const entries = DATABASE_SERVICES.map((service) => [
    service,
    { url: urlOf(service), ownerUrl: urlOf(`${service}_owner`) },
  ])
  return Object.fromEntries(entries) as DatabaseUrls
}

/** The same server's URL, but of the database `careseal`, and as another role if one is given. */
export function databaseUrl(serverUrl: string, login?: { role: string; password: string }): string {
  const url = new URL(serverUrl)
  url.pathname = `/${DATABASE}`
  if (login) {
    url.username = login.role
    url.password = encodeURIComponent(login.password)
  }
  return url.href
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
