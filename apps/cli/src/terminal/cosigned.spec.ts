import { describe, expect, it } from 'vitest'
import { cosignedText } from './cosigned.js'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const at = (publishedAt: string, cosignedBy: string[] = []) =>
  cosignedText({ treeSize: 2_000, publishedSize: 1_234, publishedAt, cosignedBy }, NOW)

describe('what is told of the witnesses', () => {
  it('is how far, by how many, and how long ago', () => {
    expect(at('2026-01-01T11:59:58Z', ['a', 'b', 'c'])).toBe('1,234 entries, co-signed by 3 witnesses 2 s ago')
    expect(at('2026-01-01T11:50:00Z', ['a'])).toBe('1,234 entries, co-signed by 1 witness 10 min ago')
    expect(at('2026-01-01T02:00:00Z')).toBe('1,234 entries, signed 10 h ago')
    expect(at('2026-01-01T12:00:05Z')).toBe('1,234 entries, signed 0 s ago')
  })

  it('is that nothing is published while nothing is', () => {
    expect(cosignedText({ treeSize: 0, publishedSize: 0 }, NOW)).toBe('0 entries, nothing published yet')
  })
})
