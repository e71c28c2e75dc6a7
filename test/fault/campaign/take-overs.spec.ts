import { describe, expect, it } from 'vitest'
import { takeOverCheck, takeOversOf } from './take-overs.js'

const taken = (...times: number[]) => times.map((milliseconds) => ({ kind: 'kill-active', milliseconds }))
const violations = (times: number[]) => takeOverCheck(taken(...times)).flatMap((check) => check.violations)

describe('take-overs', () => {
  it('are judged by their median where there are many', () => {
    const [quick, slow] = [Array<number>(20).fill(1_500), Array<number>(19).fill(9_000)]
    expect(violations([...quick, ...slow])).toEqual([])
    expect(violations([...quick, ...slow, 9_000, 9_000])).toMatchObject([{ what: 'the median of 41 took 9000 ms' }])
  })

  it('are no next blocks, and few of them have no median', () => {
    expect(takeOversOf([{ kind: 'kill-active, next block', milliseconds: 9_000 }, ...taken(7)])).toEqual([7])
    expect(takeOverCheck(taken(9_000, 9_000))).toEqual([])
  })
})
