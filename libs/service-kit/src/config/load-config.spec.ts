import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { serviceConfig, tokenAuthority } from './base-config.js'
import { ConfigInvalid, formatFaults, loadConfig } from './load-config.js'

const schema = z.object(serviceConfig)
const complete = {
  PORT: '7101',
  METRICS_PORT: '9101',
  DATABASE_URL: 'postgres://identity@127.0.0.1:5432/careseal',
  KMS_KEY_FILE: '/run/secrets/kms',
  NATS_URL: 'nats://127.0.0.1:4222',
  LEDGER_ORIGIN: 'ledger.example/1',
  LEDGER_URL: 'http://127.0.0.1:7105',
  PUBLIC_ORIGIN: 'http://localhost:8080',
  AUTH_JWKS_URL: 'http://127.0.0.1:7101/auth/jwks',
}

function faultsOf(environment: Record<string, string>): readonly { variable: string; problem: string; mend: string }[] {
  try {
    loadConfig(schema, environment)
    return []
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.faults
    throw error
  }
}

describe('the configuration', () => {
  it('is parsed, with defaults, and knows nothing of other variables', () => {
    const config = loadConfig(schema, { ...complete, TRUST_PROXY: 'true', HOME: '/root' })
    expect(config).toMatchObject({ PORT: 7101, HOST: '127.0.0.1', TRUST_PROXY: true, NATS_MANAGE_STREAMS: true })
    expect(config).not.toHaveProperty('HOME')
  })

  it('names all faults at once, and a mend for each', () => {
    const faults = faultsOf({ PORT: 'http', DATABASE_URL: 'mysql://canary@h/d', PUBLIC_ORIGIN: 'http://h/path' })
    const named = faults.map(({ variable }) => variable)
    const missing = ['METRICS_PORT', 'KMS_KEY_FILE', 'NATS_URL', 'LEDGER_ORIGIN', 'LEDGER_URL', 'AUTH_JWKS_URL']
    expect(named.toSorted()).toEqual([...missing, 'PORT', 'DATABASE_URL', 'PUBLIC_ORIGIN'].toSorted())
    for (const fault of faults) expect(fault.mend).toMatch(/^set it to ./)
    expect(formatFaults('try', faults)).not.toContain('canary')
  })

  it('takes an empty variable for an unset one', () => {
    expect(faultsOf({ ...complete, KMS_KEY_FILE: '' })).toMatchObject([
      { variable: 'KMS_KEY_FILE', problem: 'is not set' },
    ])
    expect(loadConfig(schema, { ...complete, NATS_CA_FILE: '' }).NATS_CA_FILE).toBeUndefined()
  })

  it.each(['yes', 'TRUE', 'on', '2'])('takes %j for neither true nor false', (flag) => {
    expect(faultsOf({ ...complete, CARESEAL_DEMO: flag })).toMatchObject([{ variable: 'CARESEAL_DEMO' }])
  })

  it('makes issuer and audience from the public origin', () => {
    expect(tokenAuthority(loadConfig(schema, complete))).toEqual({
      issuer: 'http://localhost:8080/auth',
      audience: 'http://localhost:8080/fhir',
      jwksUrl: complete.AUTH_JWKS_URL,
    })
    const outside = loadConfig(schema, { ...complete, AUTH_ISSUER: 'https://login.example' })
    expect(tokenAuthority(outside).issuer).toBe('https://login.example')
  })
})
