import { ServerId } from '@careseal/contracts'
import { describe, expect, it } from 'vitest'
import { deploymentIdOf } from './event-store.module.js'
import { serviceOf } from './event-store.options.js'

describe('a producer’s service', () => {
  it('is its name without the incarnation, unless it is given', () => {
    expect(serviceOf({ producer: 'consent' })).toBe('consent')
    expect(serviceOf({ producer: 'consent-2' })).toBe('consent')
    expect(serviceOf({ producer: 'consent-2', service: 'other' })).toBe('other')
  })
})

describe('the deployment’s subject id', () => {
  it('is a UUID that belongs to the ledger’s origin', () => {
    expect(ServerId.safeParse(deploymentIdOf('a')).success).toBe(true)
    expect(deploymentIdOf('a')).toBe(deploymentIdOf('a'))
    expect(deploymentIdOf('a')).not.toBe(deploymentIdOf('b'))
  })
})
