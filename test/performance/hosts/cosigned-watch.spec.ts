import { describe, expect, it } from 'vitest'
import { waits } from './cosigned-watch.js'

const seen = [
  { at: 100, seq: 5, cosignatures: 2 },
  { at: 130, seq: 5, cosignatures: 3 },
  { at: 300, seq: 20, cosignatures: 3 },
]

describe('the time until events are co-signed', () => {
  it('ends at the first checkpoint over them with enough cosignatures', () => {
    const commits = [
      { at: 50, seq: 3 },
      { at: 90, seq: 5 },
      { at: 95, seq: 6 },
    ]
    expect(waits(commits, seen, 2)).toEqual([50, 10, 205])
    expect(waits(commits, seen, 3)).toEqual([80, 40, 205])
  })

  it('is no number while nobody has co-signed', () => {
    expect(() => waits([{ at: 0, seq: 21 }], seen, 2)).toThrow('event 21 was not co-signed')
  })
})
