import { afterEach, describe, expect, it } from 'vitest'
import { terminalOf } from '../terminal/terminal.js'
import { readerWarnings } from './reader-warnings.js'

const told: string[] = []
const warnings = readerWarnings({ ...terminalOf({ quiet: true }), warn: (line) => void told.push(line) })

describe('following events', () => {
  afterEach(() => {
    told.length = 0
    process.exitCode = undefined
  })

  it('warns of a broken chain, and ends with 3', () => {
    warnings.onFrozen('consent', 'producer-contradicts')
    expect(told).toEqual([expect.stringMatching(/chain of consent is broken \(producer-contradicts\)/)])
    expect(process.exitCode).toBe(3)
  })

  it('warns of trouble that passes', () => {
    warnings.onTrouble({ kind: 'producer', producer: 'audit', error: new Error('no answer in 1000 ms') })
    warnings.onTrouble({ kind: 'stream', error: new Error('closed') })
    expect(told).toEqual([
      expect.stringContaining('audit does not answer (no answer in 1000 ms)'),
      expect.stringContaining('the stream of events was lost (closed)'),
    ])
    expect(process.exitCode).toBeUndefined()
  })
})
