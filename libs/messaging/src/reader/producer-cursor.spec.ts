import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeProducer } from '../fake-producer.fixture.js'
import type { Candidate } from '@careseal/event-envelope'
import { ProducerCursor, type ReplayAnswer, type ReplayQuestion } from './producer-cursor.js'

const TOTAL = 40
const ROOM = 20_000

const producer = new FakeProducer('consent')
const start = producer.head
const truth: Candidate[] = producer.add(TOTAL).map((event) => ({ ...event }))

function at(seq: number): Candidate {
  const candidate = truth[seq - 1]
  if (candidate === undefined) throw new RangeError(`no event ${seq}`)
  return candidate
}

function pageFrom({ from }: ReplayQuestion, size: number): ReplayAnswer {
  const events = truth.slice(from - 1, from - 1 + size)
  return { events, isWhole: from - 1 + size >= truth.length }
}

type Step =
  | { do: 'offer'; seq: number }
  | { do: 'alter'; seq: number }
  | { do: 'invent'; seq: number }
  | { do: 'miss' }
  | { do: 'deliver'; count: number; fails: boolean }
  | { do: 'ask'; size: number }
  | { do: 'answer' }
  | { do: 'head'; seq: number }

const seqs = fc.integer({ min: 1, max: TOTAL })
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('offer' as const), seq: seqs }) },
  fc.record({ do: fc.constant('alter' as const), seq: seqs }),
  fc.record({ do: fc.constant('invent' as const), seq: fc.integer({ min: TOTAL + 1, max: 10 ** 9 }) }),
  fc.record({ do: fc.constant('miss' as const) }),
  fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 9 }), fails: fc.boolean() }),
  fc.record({ do: fc.constant('ask' as const), size: fc.integer({ min: 1, max: 15 }) }),
  fc.record({ do: fc.constant('answer' as const) }),
  fc.record({ do: fc.constant('head' as const), seq: seqs }),
)

/** Plays the reader around one cursor; a replay is answered later than it was asked. */
class World {
  readonly cursor = new ProducerCursor('consent', start, ROOM)
  readonly delivered: Candidate['tag'][] = []
  private asked: { question: ReplayQuestion; answer: ReplayAnswer } | null = null

  play(step: Step): void {
    if (step.do === 'offer') this.cursor.offer(at(step.seq))
    if (step.do === 'alter') this.cursor.offer({ ...at(step.seq), tag: 'f'.repeat(64) })
    if (step.do === 'invent') this.cursor.offer({ ...at(1), seq: step.seq })
    if (step.do === 'miss') this.cursor.markMissing()
    if (step.do === 'deliver') this.deliver(step.count, step.fails)
    if (step.do === 'ask') this.ask(step.size)
    if (step.do === 'answer') this.answer()
    if (step.do === 'head') this.tellHead(step.seq)
  }

  /** The faults stop: heads are told, replays are answered, deliveries succeed. */
  finish(): void {
    this.answer()
    this.cursor.tellHead({ seq: TOTAL, link: at(TOTAL).link }, this.cursor.position.seq)
    this.cursor.markMissing(TOTAL)
    for (let round = 0; round < 50 && this.delivered.length < TOTAL; round++) {
      this.ask(10)
      this.answer()
      this.deliver(9, false)
    }
  }

  private deliver(count: number, fails: boolean): void {
    const tags = this.cursor.take(count).map(({ tag }) => tag)
    if (fails) return this.cursor.giveBack()
    this.cursor.confirm()
    this.delivered.push(...tags)
  }

  private ask(size: number): void {
    if (this.asked !== null || !this.cursor.needsReplay) return
    const question = this.cursor.replayQuestion()
    this.asked = { question, answer: pageFrom(question, size) }
  }

  private answer(): void {
    if (this.asked !== null) this.cursor.applyReplay(this.asked.question, this.asked.answer)
    this.asked = null
  }

  // A head that was asked before the last deliveries; it never lies.
  private tellHead(seq: number): void {
    this.cursor.tellHead({ seq, link: at(seq).link }, Math.min(seq, this.cursor.position.seq))
  }
}

describe('a cursor', () => {
  it('delivers every event once and in order, whatever the stream does, and never freezes an honest producer', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120, size: 'max' }), (script) => {
        const world = new World()
        for (const step of script) world.play(step)
        world.finish()
        expect(world.cursor.frozen).toBeNull()
        expect(world.delivered).toEqual(truth.map(({ tag }) => tag))
        expect(world.cursor.position).toEqual(producer.head)
      }),
      { numRuns: 300 },
    )
  })

  it('needs no replay while the stream is in order', () => {
    const cursor = new ProducerCursor('consent', start, 10 ** 9)
    for (const candidate of truth) expect(cursor.offer(candidate)).toBe('accepted')
    expect(cursor.needsReplay).toBe(false)
    expect(cursor.take(TOTAL).map(({ seq }) => seq)).toEqual(truth.map(({ seq }) => seq))
  })

  it('keeps what comes behind a gap, and takes it when the gap is closed', () => {
    const cursor = new ProducerCursor('consent', start, 10 ** 9)
    expect([cursor.offer(at(1)), cursor.offer(at(3)), cursor.offer(at(4))]).toEqual(['accepted', 'waiting', 'waiting'])
    expect(cursor.needsReplay).toBe(true)
    cursor.offer(at(2))
    expect(cursor.needsReplay).toBe(false)
    expect(cursor.tailSeq).toBe(4)
  })

  it('holds no more than it may', () => {
    const cursor = new ProducerCursor('consent', start, 5000)
    for (const candidate of truth) cursor.offer(candidate)
    expect(cursor.queuedBytes).toBeLessThan(5000 + 2000)
    expect(cursor.offer(at(TOTAL))).toBe('dropped')
  })

  it('stops asking when the producer has nothing behind an invented seq', () => {
    const cursor = new ProducerCursor('consent', start, 10 ** 9)
    for (const candidate of truth) cursor.offer(candidate)
    cursor.offer({ ...at(1), seq: 10 ** 6 })
    expect(cursor.needsReplay).toBe(true)
    const question = cursor.replayQuestion()
    cursor.applyReplay(question, { events: [], isWhole: true })
    expect(cursor.needsReplay).toBe(false)
  })

  it('freezes when the producer denies what was delivered', () => {
    const cursor = new ProducerCursor('consent', { seq: 3, link: at(3).link }, 10 ** 9)
    cursor.tellHead({ seq: 3, link: 'f'.repeat(64) }, 3)
    const question = cursor.replayQuestion()
    expect(question).toMatchObject({ from: 3, check: { seq: 3 } })
    cursor.applyReplay(question, { events: [{ ...at(3), link: 'f'.repeat(64) }], isWhole: true })
    expect(cursor.frozen).not.toBeNull()
    expect(cursor.offer(at(4))).toBe('stale')
    expect(cursor.position.seq).toBe(3)
  })

  it('does not freeze when the producer confirms what was delivered', () => {
    const cursor = new ProducerCursor('consent', { seq: 3, link: at(3).link }, 10 ** 9)
    expect(cursor.offer({ ...at(4), commitment: 'f'.repeat(64) })).toBe('mismatch')
    cursor.applyReplay(cursor.replayQuestion(), { events: [at(3), at(4)], isWhole: true })
    expect([cursor.frozen, cursor.tailSeq, cursor.needsReplay]).toEqual([null, 4, false])
  })

  describe('after a forged message that continues the chain', () => {
    const forger = new FakeProducer('consent')
    forger.add(3)
    const forged: Candidate = { ...forger.add(1, 99)[0]! }

    function deceived(): ProducerCursor {
      const cursor = new ProducerCursor('consent', { seq: 3, link: at(3).link }, 10 ** 9)
      expect(cursor.offer(forged)).toBe('accepted')
      return cursor
    }

    it('goes back to what was delivered when the next message does not fit', () => {
      const cursor = deceived()
      expect(cursor.offer(at(5))).toBe('mismatch')
      cursor.applyReplay(cursor.replayQuestion(), { events: [at(3), at(4), at(5)], isWhole: true })
      expect([cursor.frozen, cursor.take(9).map(({ link }) => link)]).toEqual([null, [at(4).link, at(5).link]])
    })

    it('goes back to what was delivered when a replay does not fit', () => {
      const cursor = deceived()
      cursor.offer(at(6))
      cursor.applyReplay(cursor.replayQuestion(), { events: [at(5)], isWhole: false })
      expect([cursor.frozen, cursor.needsReplay]).toEqual([null, true])
      cursor.applyReplay(cursor.replayQuestion(), { events: [at(3), at(4)], isWhole: false })
      expect(cursor.needsReplay).toBe(true)
      cursor.applyReplay(cursor.replayQuestion(), { events: [at(5), at(6)], isWhole: true })
      expect(cursor.take(9).map(({ link }) => link)).toEqual([at(4).link, at(5).link, at(6).link])
    })

    it('takes nothing from the stream while it waits for the producer’s word', () => {
      const cursor = deceived()
      cursor.offer(at(5))
      const question = cursor.replayQuestion()
      expect(cursor.offer(forged)).toBe('dropped')
      cursor.applyReplay(question, { events: [at(3), at(4), at(5)], isWhole: true })
      expect([cursor.frozen, cursor.tailSeq]).toEqual([null, 5])
    })

    it('freezes when it was delivered already', () => {
      const cursor = deceived()
      cursor.take(1)
      cursor.confirm()
      cursor.offer(at(5))
      cursor.applyReplay(cursor.replayQuestion(), { events: [at(4), at(5)], isWhole: true })
      expect(cursor.frozen).not.toBeNull()
    })
  })
})
