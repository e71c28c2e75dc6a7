import { DATABASE, databaseUrl, loginRoles, startPostgres, type RunningPostgres } from '@careseal/stack'
import { execFile } from 'node:child_process'
import { createHmac, hash, pbkdf2Sync } from 'node:crypto'
import { accessSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passwordVariable } from '../../tools/deploy-files.mjs'
import { REPOSITORY } from './rendered.js'

const run = promisify(execFile)
const FILE = join(REPOSITORY, 'deploy', 'postgres', 'provision.sql')
const psql = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'psql'))
  .find(isThere)

function isThere(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

let postgres: RunningPostgres
beforeAll(async () => {
  postgres = await startPostgres()
  await query(postgres.url, `CREATE DATABASE ${DATABASE}`)
})
afterAll(() => postgres?.stop())

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query(text)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

// What psql does with the file: its own commands leave the text, variables become literals.
function asPsqlSends(passwordOf: (role: string) => string): string {
  const sql = readFileSync(FILE, 'utf8').replaceAll(/^\\.*$/gm, '')
  return sql.replaceAll(/:'(\w+)_password'/g, (_whole, role: string) => `'${passwordOf(role).replaceAll("'", "''")}'`)
}

// The server under test lets everybody in, so what it stored is compared (RFC 5802: StoredKey).
async function isPasswordOf(role: string, password: string): Promise<boolean> {
  const [row] = await query(postgres.url, `SELECT rolpassword FROM pg_authid WHERE rolname = '${role}' AND rolcanlogin`)
  const [, iterations, salt, storedKey] = /^SCRAM-SHA-256\$(\d+):(.+)\$(.+):/.exec(String(row?.['rolpassword'])) ?? []
  const salted = pbkdf2Sync(password, Buffer.from(String(salt), 'base64'), Number(iterations), 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  return hash('sha256', clientKey, 'base64') === storedKey
}

describe('deploy/postgres/provision.sql', () => {
  it('is accepted by a real server twice, and the second time changes the passwords', async () => {
    await query(
      databaseUrl(postgres.url),
      asPsqlSends((role) => `first-${role}`),
    )
    expect(await isPasswordOf('records', 'first-records')).toBe(true)
    await query(
      databaseUrl(postgres.url),
      asPsqlSends((role) => `it's-${role}`),
    )
    for (const role of loginRoles()) expect(await isPasswordOf(role, `it's-${role}`), role).toBe(true)
    expect(await isPasswordOf('records', 'first-records')).toBe(false)
  })

  it.skipIf(psql === undefined)('takes the passwords from the environment of psql', async () => {
    const passwords = Object.fromEntries(loginRoles().map((role) => [passwordVariable(role), `of ${role}'s $1`]))
    await run(psql as string, psqlArguments(), { env: { ...process.env, ...passwords } })
    expect(await isPasswordOf('audit', "of audit's $1")).toBe(true)
  })

  it.skipIf(psql === undefined)('fails in psql where a password is missing', async () => {
    await expect(run(psql as string, psqlArguments())).rejects.toThrow('syntax error at or near ":"')
  })

  it('leaves each role in its own schemas', async () => {
    const url = databaseUrl(postgres.url, { role: 'audit', password: 'any' })
    const [row] = await query(url, "SELECT array_to_string(current_schemas(false), ' ') AS path")
    expect(row).toEqual({ path: 'audit audit_keys' })
  })
})

const psqlArguments = () => ['--no-psqlrc', '--quiet', '--file', FILE, databaseUrl(postgres.url)]
