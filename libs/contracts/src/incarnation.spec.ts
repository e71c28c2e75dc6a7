import { describe, expect, it } from 'vitest'
import { incarnationOf, incarnationsAmong, latestOf, producerName } from './incarnation.js'

describe('the name of a producer', () => {
  it.each([
    ['consent', { service: 'consent', number: 1 }],
    ['consent-2', { service: 'consent', number: 2 }],
    ['consent-10', { service: 'consent', number: 10 }],
    ['ledger-sequencer', { service: 'ledger-sequencer', number: 1 }],
  ])('%s says service and number, and is made of them', (name, incarnation) => {
    expect(incarnationOf(name)).toEqual(incarnation)
    expect(producerName(incarnation)).toBe(name)
  })

  it('has no other spelling: consent-1 and consent-02 are services of their own', () => {
    for (const name of ['consent-1', 'consent-02', 'consent-0']) expect(incarnationOf(name).service).toBe(name)
  })
})

describe('the newest incarnation', () => {
  it('is the one with the highest number, by number and not by name', () => {
    expect(incarnationsAmong(['a-10', 'b-11', 'a', 'a-9'], 'a')).toEqual(['a', 'a-9', 'a-10'])
    expect(latestOf('a', ['a', 'a-2', 'a-10', 'a-9', 'b-11'])).toBe('a-10')
    expect(latestOf('b', ['a', 'a-2'])).toBe('b')
  })
})
