import { findNatsServer, loginRoles } from '@careseal/stack'
import { createUser } from '@nats-io/nkeys'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { deployFiles, natsUsers, nkeyVariable, passwordVariable } from '../../tools/deploy-files.mjs'
import { REPOSITORY } from './rendered.js'

const run = promisify(execFile)
const natsServer = await findNatsServer()
const config = join(REPOSITORY, 'deploy', 'nats', 'nats.conf')

function check(environment: Record<string, string>) {
  return run(natsServer as string, ['-t', '-c', config], { env: environment })
}

describe('the generated files of deploy', () => {
  it.each(Object.entries(deployFiles()))(
    '%s is fresh (npm run build && node tools/docs.mjs makes it anew)',
    (path, text) => {
      expect(readFileSync(join(REPOSITORY, path), 'utf8')).toBe(text)
    },
  )

  it('name every user and every role by a variable, and no key or password', () => {
    const { 'deploy/nats/nats.conf': nats = '', 'deploy/postgres/provision.sql': sql = '' } = deployFiles()
    for (const user of natsUsers()) expect(nats).toContain(`nkey: $${nkeyVariable(user)},`)
    for (const role of loginRoles()) {
      expect(sql).toContain(`\\getenv ${role}_password ${passwordVariable(role)}\n`)
      expect(sql).toContain(`PASSWORD :'${role}_password';`)
    }
    expect(nats).not.toMatch(/nkey: U/)
    expect(sql).not.toMatch(/PASSWORD '/)
  })

  it.skipIf(natsServer === null)('hold a nats.conf that a real server accepts', async () => {
    const keys = natsUsers().map((user) => [nkeyVariable(user), createUser().getPublicKey()])
    const { stderr } = await check(Object.fromEntries(keys) as Record<string, string>)
    expect(stderr).toContain('is valid')
  })

  it.skipIf(natsServer === null)('hold a nats.conf that a real server refuses without the keys', async () => {
    await expect(check({})).rejects.toThrow('NKEY_')
  })
})
