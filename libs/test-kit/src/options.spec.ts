import { describe, expect, it } from 'vitest'
import { grantOf, planOf, type CaresealStackOptions } from './options.js'
import { servicesFor } from './services.js'

const ALL = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer']
const codeOf = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return (error as { code: string }).code
  }
  return null
}

describe('the services of a stack', () => {
  it('are all five unless some are named', () => {
    expect(servicesFor()).toEqual(ALL)
  })

  it('are those that are named and what they need, each once', () => {
    expect(servicesFor(['consent'])).toEqual(['identity', 'consent', 'ledger-sequencer'])
    expect(servicesFor(['audit', 'consent'])).toEqual(['identity', 'consent', 'audit', 'ledger-sequencer'])
    expect(servicesFor(['records'])).toEqual(ALL)
    expect(servicesFor(['ledger-sequencer'])).toEqual(['ledger-sequencer'])
  })

  it('do not include one that does not exist; the error names those that do', () => {
    expect(() => servicesFor(['identity', 'billing'])).toThrow(/no service "billing"; name some of identity, consent/)
    expect(codeOf(() => servicesFor(['toString']))).toBe('unknown-service')
    expect(codeOf(() => servicesFor([]))).toBe('bad-option')
  })
})

describe('the options of a stack', () => {
  it('are sensible where nothing is said', () => {
    const { mode, services, patients, consumers, witnesses, fresh } = planOf({})
    expect({ mode, services, patients, consumers, witnesses, fresh }).toEqual({
      mode: 'auto',
      services: ALL,
      patients: 2,
      consumers: [],
      witnesses: 0,
      fresh: false,
    })
  })

  it('bring no patients without records, and records for patients', () => {
    expect(planOf({ services: ['consent'] }).patients).toBe(0)
    expect(planOf({ services: ['identity'], patients: 1 }).services).toEqual(ALL)
  })

  it.each<[string, object]>([
    ['mode', { mode: 'podman' }],
    ['patients', { patients: -1 }],
    ['patients', { patients: 1.5 }],
    ['witnesses', { witnesses: 10 }],
    ['consumers.audit', { consumers: { audit: ['ConsentGranted'] } }],
    ['consumers.billing', { consumers: { billing: ['ConsentUpdated'] } }],
    ['consumers.billing', { consumers: { billing: [] } }],
  ])('are refused by the name of what is wrong: %s', (option, options) => {
    expect(() => planOf(options as CaresealStackOptions)).toThrow(`${option}: `)
    expect(codeOf(() => planOf(options as CaresealStackOptions))).toBe('bad-option')
  })

  it('grant a consumer each type once, and no erasures unless it is a recipient', () => {
    expect(grantOf('billing', ['ConsentGranted', 'ConsentGranted'])).toEqual({
      name: 'billing',
      types: ['ConsentGranted'],
      recipient: false,
    })
    expect(grantOf('research', { types: ['ConsentRevoked'], recipient: true }).recipient).toBe(true)
  })
})
