import { describe, expect, it } from 'vitest'
import { acceptsGzip } from './caching.js'

describe('a client that', () => {
  it.each([
    ['gzip', true],
    ['gzip, identity', true],
    ['br;q=1.0, gzip;q=0.8, *;q=0.1', true],
    ['gzip;q=0', false],
    ['gzip; q=0.000, identity', false],
    ['gzip;q=0.5', true],
    ['identity', false],
    ['', false],
    [undefined, false],
  ])('says it accepts %s gets gzip: %s', (header, gzipped) => {
    expect(acceptsGzip(header)).toBe(gzipped)
  })
})
