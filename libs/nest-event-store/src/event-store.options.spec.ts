import { ServerId } from '@careseal/contracts'
import { describe, expect, it } from 'vitest'
import { deploymentIdOf } from './event-store.module.js'

describe('the deployment’s subject id', () => {
  it('is a UUID that belongs to the ledger’s origin', () => {
    expect(ServerId.safeParse(deploymentIdOf('a')).success).toBe(true)
    expect(deploymentIdOf('a')).toBe(deploymentIdOf('a'))
    expect(deploymentIdOf('a')).not.toBe(deploymentIdOf('b'))
  })
})
