import { describe, expect, it } from 'vitest'
import { BENCHMARKS, HELP, parseCommandLine } from './command-line.js'

describe('the command line of the benchmarks', () => {
  it('runs all of them when none is named', () => {
    expect(parseCommandLine([])).toMatchObject({ names: BENCHMARKS, full: false, seed: 'careseal', dry: false })
  })

  it('runs those that are named, with options anywhere', () => {
    const asked = parseCommandLine(['events', '--full', 'read', '--seed', 'other', '--no-build'])
    expect(asked).toMatchObject({ names: ['events', 'read'], full: true, seed: 'other' })
  })

  it('names those there are when it is asked for another', () => {
    expect(() => parseCommandLine(['evnts'])).toThrow('there is no benchmark evnts: import, events')
  })

  it('refuses options that it does not know', () => {
    expect(() => parseCommandLine(['--fast'])).toThrow("Unknown option '--fast'")
  })

  it('explains every benchmark', () => {
    expect(parseCommandLine(['-h', 'nonsense'])).toBe('help')
    for (const name of BENCHMARKS) expect(HELP).toContain(`\n  ${name} `)
  })
})
