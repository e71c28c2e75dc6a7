import { sampleEvent, subjectOf } from '@careseal/contracts'
import { eventOf, firstLinkOf, leafHashOf, nextLinkOf, type Candidate } from '@careseal/event-envelope'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Lane, type Arrival } from './lane.js'
import type { ChainPlace, ReplayPage } from './replay.js'

const PRODUCER = 'consent'

/** A chain of one producer, from number 1. */
function chainOf(count: number): Candidate[] {
  let link = firstLinkOf('ledger.example/test', PRODUCER)
  return Array.from({ length: count }, (_, at) => {
    const seq = at + 1
    const hashes = { tag: seq.toString(16).padStart(64, '0'), commitment: (seq + 9).toString(16).padStart(64, '0') }
    const leaf = { producer: PRODUCER, seq, ...hashes }
    link = nextLinkOf(link, leafHashOf(leaf))
    const body = new TextEncoder().encode(JSON.stringify(sampleEvent('ConsentGranted')))
    return { ...leaf, link, subject: subjectOf('ConsentGranted', PRODUCER), body }
  })
}

const chain = chainOf(12)
const at = (seq: number) => chain[seq - 1]!

/** What the producer answers to a consumer that was granted these numbers and no others. */
function answering(granted: readonly number[]) {
  return async (from: number): Promise<ReplayPage> => {
    const places = chain.slice(from - 1).map((candidate): ChainPlace => {
      const { seq, link, leafHash } = eventOf(candidate)
      return { seq, link, leafHash, event: granted.includes(seq) ? eventOf(candidate) : null }
    })
    return { places, hasMore: false }
  }
}

type Run = { replay: (from: number) => Promise<ReplayPage>; position?: number }

/** A lane at work, with what became of events and messages, in order. */
function running({ replay, position }: Run) {
  const stopping = new AbortController()
  const story: string[] = []
  const lane = new Lane({
    producer: PRODUCER,
    position: position === undefined ? null : { seq: position, link: at(position).link },
    replay,
    settle: async ({ seq }) => void story.push(`handled ${seq}`),
    onProgress: () => {},
    onTrouble: (error) => void story.push(`trouble ${(error as { code?: string }).code}`),
    checkIntervalMs: 60_000,
    stopping: stopping.signal,
  })
  const offer = (name: string, arrival: Pick<Arrival, 'candidate' | 'claimedSeq'>) =>
    lane.offer({
      ...arrival,
      acknowledge: () => void story.push(`acknowledged ${name}`),
      giveBack: () => void story.push(`gave back ${name}`),
    })
  const done = lane.run()
  const stop = async () => {
    stopping.abort()
    await done
  }
  return {
    story,
    stop,
    offer: (seq: number) => offer(String(seq), { candidate: at(seq), claimedSeq: seq }),
    offerUnreadable: (claimedSeq: number | null) => offer('unreadable', { candidate: null, claimedSeq }),
  }
}

async function quiet(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

describe('a lane', () => {
  it('that stops while it fetches what is missing gives back what waits for it', async () => {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<ReplayPage>()
    const replay = (): Promise<ReplayPage> => {
      asked.resolve()
      return answer.promise
    }
    const lane = running({ replay, position: 5 })
    lane.offer(10)
    lane.offer(11)
    await asked.promise
    const stopped = lane.stop()
    answer.resolve(await answering([10, 11])(6))
    await stopped
    expect(lane.story).toEqual(['gave back 10', 'gave back 11'])
  })

  it.each([
    ['that says which it is, whatever was withheld between it and the next', 6, 6, []],
    ['whose number is unreadable too, and tells of it', null, 9, ['trouble number-unreadable']],
    ['whose number is beyond the first readable one', 4_000_000, 9, []],
  ])('fetches an event that came unreadable %s', async (_case, claimed, handled, told) => {
    const lane = running({ replay: answering([handled, 10]) })
    lane.offerUnreadable(claimed)
    lane.offer(10)
    await quiet()
    await lane.stop()
    const settled = [`handled ${handled}`, 'handled 10', 'acknowledged 10', 'acknowledged unreadable']
    expect(lane.story).toEqual([...told, ...settled])
  })
})
