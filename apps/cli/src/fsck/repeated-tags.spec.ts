import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { TagTurn } from './repeated-tags.js'

const tagOf = (n: number) => createHash('sha256').update(String(n)).digest('hex')

it('a tag is found again among more of them than the ledger was said to hold', () => {
  const turn = new TagTurn(0, 1)
  const tags = Array.from({ length: 5_000 }, (_, n) => tagOf(n))
  expect(tags.filter((tag) => turn.isRepeated(tag))).toEqual([])
  expect(tags.every((tag) => turn.isRepeated(tag))).toBe(true)
})
