import { describe, expect, it } from 'vitest'
import { box, table } from './box.js'

describe('box', () => {
  it('frames lines, whatever their colours and lengths', () => {
    const [top, first, second, bottom] = box('Title', ['short', '\u001B[32ma longer line\u001B[39m']).split('\n')
    expect(top).toBe('╭─ Title ───────╮')
    expect(first).toBe('│ short         │')
    expect(second).toBe('│ \u001B[32ma longer line\u001B[39m │')
    expect(bottom).toHaveLength(top?.length ?? 0)
  })
})

describe('table', () => {
  it('aligns its columns', () => {
    expect(
      table([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toEqual(['a    bb', 'ccc  d'])
  })

  it('of nothing is nothing', () => {
    expect(table([])).toEqual([])
  })
})
