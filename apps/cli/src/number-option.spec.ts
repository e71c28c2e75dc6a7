import { InvalidArgumentError } from 'commander'
import { describe, expect, it } from 'vitest'
import { seconds, wholeNumber } from './number-option.js'

describe('a number of an option', () => {
  const port = wholeNumber('a port, 0 to 65535', { to: 65_535 })

  it('is read in decimal digits, within its bounds', () => {
    expect([port('0'), port('8080'), port('65535'), seconds('0.5'), seconds('30')]).toEqual([0, 8080, 65_535, 0.5, 30])
  })

  it.each(['', ' ', '0x50', '1e3', '-1', '80.5', '65536', 'eighty', 'Infinity'])(
    'is not %j where a port is',
    (text) => {
      expect(() => port(text)).toThrow(new InvalidArgumentError('must be a port, 0 to 65535'))
    },
  )

  it.each(['', '-1', '.5', '1e3', 'Infinity'])('is not %j where seconds are', (text) => {
    expect(() => seconds(text)).toThrow('must be a number of seconds')
  })
})
