import { hex, sha256, utf8 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import { describe, expect, it } from 'vitest'
import { ChainDiverges, planRecovery, type PublishedEvent, type SealedLeaf } from './plan-recovery.js'

const ORIGIN = 'test.invalid/ledger'
const producer = 'consent'
const hashOf = (text: string) => hex(sha256(utf8(text)))

/** A chain of `count` leaves and the link at each number. */
function chain(count: number): { leaves: SealedLeaf[]; links: string[] } {
  const leaves: SealedLeaf[] = []
  let link = firstLink(sha256, ORIGIN, producer)
  const links = [hex(link)]
  for (let seq = 1; seq <= count; seq++) {
    const leaf = { seq, tag: hashOf(`tag ${seq}`), commitment: hashOf(`commitment ${seq}`) }
    link = nextLink(sha256, link, leafEntryHash(sha256, { producer, ...leaf }))
    links.push(hex(link))
    leaves.push({ ...leaf, leafIndex: 100 + seq, height: seq })
  }
  return { leaves, links }
}

const { leaves, links } = chain(6)
const published = (leaf: SealedLeaf, text = 'body'): PublishedEvent => ({ ...leaf, body: utf8(`${text} ${leaf.seq}`) })
const plan = (overrides: Partial<Parameters<typeof planRecovery>[0]> = {}) =>
  planRecovery({
    producer,
    from: { seq: 2, link: links[2]! },
    lastLink: links[6]!,
    leaves: leaves.slice(2),
    waiting: [],
    published: [],
    ...overrides,
  })
const sources = (planned: ReturnType<typeof plan>) => planned.map(({ seq, source }) => [seq, source])

describe('what a restored copy lacks', () => {
  it('comes from the copy’s own rows first, then from the broker, and is lost otherwise', () => {
    const [third, fourth] = leaves.slice(2) as [SealedLeaf, SealedLeaf]
    const waiting = [{ eventPk: '7', tag: third.tag, commitment: third.commitment }]
    const planned = plan({ waiting, published: [published(third), published(fourth)] })
    expect(sources(planned)).toEqual([
      [3, 'copy'],
      [4, 'broker'],
      [5, 'lost'],
      [6, 'lost'],
    ])
    expect(planned.map(({ link }) => hex(link))).toEqual(links.slice(3))
  })

  it('is nothing where the copy is complete', () => {
    expect(plan({ from: { seq: 6, link: links[6]! }, leaves: [] })).toEqual([])
  })

  it('is lost where the broker holds another leaf under the number', () => {
    const other = { ...published(leaves[3]!), commitment: hashOf('altered') }
    expect(sources(plan({ published: [other] }))[1]).toEqual([4, 'lost'])
  })

  it('is lost where the broker tells two stories about one leaf', () => {
    const stories = [published(leaves[3]!, 'granted'), published(leaves[3]!, 'revoked')]
    expect(sources(plan({ published: stories }))[1]).toEqual([4, 'lost'])
    expect(sources(plan({ published: [stories[0]!, stories[0]!] }))[1]).toEqual([4, 'broker'])
  })

  it('is never taken onto a chain that wrote on after it was restored', () => {
    expect(() => plan({ from: { seq: 2, link: hashOf('another history') } })).toThrow(ChainDiverges)
    expect(() => plan({ leaves: leaves.slice(3) })).toThrow(ChainDiverges)
    expect(() => plan({ leaves: leaves.slice(2, 5) })).toThrow(ChainDiverges)
  })
})
