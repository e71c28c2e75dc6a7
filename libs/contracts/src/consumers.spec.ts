import { describe, expect, it } from 'vitest'
import { ConsumerGrant, ConsumerName, subjectFilterOf } from './index.js'

const grant = { name: 'billing', types: ['ConsentGranted'], publicNkey: `U${'A'.repeat(55)}`, recipient: false }

describe('an outside consumer', () => {
  it('is granted types by name, under every incarnation of their producer', () => {
    expect(ConsumerGrant.parse(grant)).toEqual(grant)
    expect(subjectFilterOf('ConsentGranted')).toBe('evt.*.consent.consent-granted')
  })

  it.each(['audit', 'audit-reader-0', 'ledger-sequencer', 'deployer', 'signer', 'consent-2', 'outside-example'])(
    'is not called %s, which is a name of Careseal itself',
    (name) => expect(ConsumerName.safeParse(name).success).toBe(false),
  )

  it.each(['Billing', 'a.b', 'a b', '*', '>', '', '-a', 'x'.repeat(64)])('is not called %j', (name) => {
    expect(ConsumerName.safeParse(name).success).toBe(false)
  })

  it('is granted no type that does not exist', () => {
    expect(ConsumerGrant.safeParse({ ...grant, types: ['AccountUpdated'] }).success).toBe(false)
    expect(ConsumerGrant.safeParse({ ...grant, types: [] }).success).toBe(false)
  })
})
