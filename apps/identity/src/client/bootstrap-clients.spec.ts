import { idOf } from '@careseal/testing'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readBootstrapClients } from './bootstrap-clients.js'

describe('the file of bootstrap clients', () => {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-bootstrap-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const client = { clientId: 'operator', name: 'Operator', role: 'operator', jwk }
  const read = (content: unknown) => {
    const path = join(folder, 'clients.json')
    writeFileSync(path, JSON.stringify(content))
    return readBootstrapClients(path)
  }

  it('names clients with their public keys', () => {
    const bound = { ...client, clientId: 'login-1', role: 'patient', accountId: idOf(1) }
    expect(read([client, bound])).toEqual([client, bound])
  })

  it.each([
    ['a patient without an account', { ...client, role: 'patient' }, 'accountId'],
    ['an unknown role', { ...client, role: 'root' }, 'role'],
    ['a client id with a space', { ...client, clientId: 'Some Body' }, 'clientId'],
    ['an unknown member', { ...client, admin: true }, 'admin'],
  ])('with %s is refused, and the place is told', (_case, content, place) => {
    expect(() => read([content])).toThrow(place)
  })
})
