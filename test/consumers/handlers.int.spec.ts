// What a consumer's handler may do to an event, and what becomes of it: nothing is lost, and nobody else waits.
import { consume, DeadLetter, ProducerContradicts, type Consumer } from '@careseal/client'
import { UnknownEventVersion } from '@careseal/contracts'
import { eventHeaders } from '@careseal/event-envelope'
import { setTimeout as sleep } from 'node:timers/promises'
import { MsgHdrsImpl } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, ORIGIN, TestProducer } from './consuming-world.js'

const world = { current: null as ConsumingWorld | null }
const here = () => world.current as ConsumingWorld
let consent: TestProducer
let identity: TestProducer
let running: Consumer[] = []

beforeEach(async () => {
  world.current = new ConsumingWorld([
    { name: 'billing', types: ['ConsentGranted', 'ConsentRevoked', 'AccountClosed'] },
    { name: 'research', types: ['ConsentRevoked'] },
  ])
  await here().start()
  consent = new TestProducer('consent')
  identity = new TestProducer('identity')
  here().answer(consent, identity)
  running = []
})

afterEach(async () => {
  await Promise.all(running.map((consumer) => consumer.stop()))
  await here().stop()
})

type Options = Partial<Parameters<typeof consume<'ConsentGranted' | 'ConsentRevoked' | 'AccountClosed'>>[0]>

async function billing(seen: string[], options: Options = {}): Promise<Consumer> {
  const consumer = await consume({
    nats: here().broker('billing'),
    durable: 'billing',
    types: ['ConsentGranted', 'ConsentRevoked'],
    from: 'beginning',
    origin: ORIGIN,
    backoffMs: [20, 40],
    checkIntervalMs: 400,
    onEvent: (event, { producer, seq }) => void seen.push(`${producer}:${seq} ${event.type}`),
    ...options,
  })
  running.push(consumer)
  return consumer
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 })
const granted = (seqs: number[]) => seqs.map((seq) => `consent:${seq} ConsentGranted`)

// As a query builder is: no promise, but with a method `then` that does the work.
function failedLater(): unknown {
  class Query {
    // oxlint-disable-next-line unicorn/no-thenable
    then(_done: unknown, failed: (error: Error) => void): void {
      setTimeout(() => failed(new Error('no such row')), 20)
    }
  }
  return new Query()
}

describe('a handler that', () => {
  it('throws gets the event again, in order, and then it is a dead letter with a code and no words', async () => {
    const seen: string[] = []
    await billing(seen, {
      maxAttempts: 3,
      onEvent: (_event, { seq, attempt }) => {
        seen.push(`${seq}/${attempt}`)
        if (seq === 2) throw Object.assign(new Error('private words'), { code: 'no-such-row' })
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(['1/1', '2/1', '2/2', '2/3', '3/1']))
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('max-attempts: no-such-row')
    expect([letter?.header.get('ce-type'), letter?.header.get('ledger-seq')]).toEqual(['ConsentGranted', '2'])
  })

  it('says that it is a dead letter is not asked again', async () => {
    const seen: string[] = []
    await billing(seen, {
      onEvent: (_event, { seq }) => {
        seen.push(String(seq))
        if (seq === 1) throw new DeadLetter('unknown-patient')
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(['1', '2']))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('unknown-patient')
  })

  it('never ends is left, told so, and what it answers late does not count twice', async () => {
    const seen: string[] = []
    const aborted: boolean[] = []
    const late = Promise.withResolvers<void>()
    await billing(seen, {
      handlerTimeoutMs: 100,
      onEvent: async (_event, { seq, attempt, signal }) => {
        seen.push(`${seq}/${attempt}`)
        signal.addEventListener('abort', () => aborted.push(true))
        if (attempt === 1 && seq === 1) await late.promise
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(['1/1', '1/2', '2/1']))
    late.resolve()
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    expect(seen).toEqual(['1/1', '1/2', '2/1'])
    expect(aborted[0]).toBe(true)
    expect(await here().deadLetters('billing')).toEqual([])
  })

  it('answers with something that is only thenable is waited for, and its failure counts', async () => {
    const seen: string[] = []
    await billing(seen, {
      maxAttempts: 2,
      onEvent: (_event, { seq, attempt }) => {
        seen.push(`${seq}/${attempt}`)
        return seq === 1 ? (failedLater() as Promise<void>) : undefined
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(['1/1', '1/2', '2/1']))
    expect(await here().deadLetters('billing')).toHaveLength(1)
  })

  it('is slow keeps nobody else waiting, neither another consumer nor another producer', async () => {
    const stuck = Promise.withResolvers<void>()
    const seen: string[] = []
    const others: string[] = []
    await billing(seen, {
      types: ['ConsentRevoked', 'AccountClosed'],
      onEvent: async ({ type }) => {
        seen.push(type)
        if (type === 'ConsentRevoked') await stuck.promise
      },
    })
    const research = await consume({
      nats: here().broker('research'),
      durable: 'research',
      types: ['ConsentRevoked'],
      from: 'beginning',
      onEvent: ({ type }) => void others.push(type),
    })
    running.push(research)
    await here().publish(consent, consent.add(['ConsentRevoked', 'ConsentRevoked']))
    await here().publish(identity, identity.add(['AccountClosed']))
    await until(() => expect(others).toEqual(['ConsentRevoked', 'ConsentRevoked']))
    await until(() => expect(seen).toEqual(['ConsentRevoked', 'AccountClosed']))
    stuck.resolve()
  })

  it('sees an event of a newer program as a dead letter by that name, and everything else as ever', async () => {
    const seen: string[] = []
    await billing(seen)
    const [newer] = consent.add(['ConsentGranted'], (body) => ({ ...body, schemaVersion: 2 }))
    await here().publish(consent, [newer!, ...consent.add(['ConsentGranted'])])
    await until(() => expect(seen).toEqual(granted([2])))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('unknown-event-version')
    expect(letter?.json<{ schemaVersion: number }>().schemaVersion).toBe(2)
  })

  it('has nothing to do with an unknown version of a type that it was granted and did not ask for', async () => {
    const seen: string[] = []
    const consumer = await billing(seen, { types: ['ConsentGranted'] })
    const [newer] = consent.add(['ConsentRevoked'], (body) => ({ ...body, schemaVersion: 2 }))
    await here().publish(consent, [newer!, ...consent.add(['ConsentGranted'])])
    await until(() => expect(seen).toEqual(granted([2])))
    await consumer.reached({ consent: 2 })
    expect(await here().deadLetters('billing')).toEqual([])
  })

  it('is not asked about a type that another service publishes under its own name', async () => {
    const seen: string[] = []
    const forger = new TestProducer('identity')
    here().answer(forger)
    await billing(seen, { types: ['ConsentGranted', 'AccountClosed'] })
    await here().publish(forger, forger.add(['ConsentGranted', 'AccountClosed']))
    await until(() => expect(seen).toEqual(['identity:2 AccountClosed']))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('foreign-producer')
  })

  it('gets an event although another service has used its id', async () => {
    const seen: string[] = []
    await billing(seen, { types: ['ConsentGranted', 'AccountClosed'] })
    const [event] = consent.add(['ConsentGranted'])
    const { id } = JSON.parse(new TextDecoder().decode(event!.body)) as { id: string }
    await here().publish(
      identity,
      identity.add(['AccountClosed'], (body) => ({ ...body, id })),
    )
    await until(() => expect(seen).toEqual(['identity:1 AccountClosed']))
    await here().publish(consent, [event!])
    await until(() => expect(seen).toEqual(['identity:1 AccountClosed', ...granted([1])]))
  })

  it.each([
    [
      'throws',
      () => {
        throw new TypeError('of the one who is told')
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('of the one who is told'))],
  ])('goes on when the one who is told of its troubles %s', async (_case, onTrouble) => {
    const seen: string[] = []
    await billing(seen, {
      onTrouble,
      onEvent: (event, { producer, seq, attempt }) => {
        if (seq === 1) throw new DeadLetter('never')
        if (attempt < 3) throw new Error('not yet')
        seen.push(`${producer}:${seq} ${event.type}`)
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(granted([2])))
    expect(await here().deadLetters('billing')).toHaveLength(1)
  })

  it('is never asked about a body that breaks its schema', async () => {
    const seen: string[] = []
    await billing(seen)
    const [broken] = consent.add(['ConsentGranted'], (body) => ({ ...body, data: {} }))
    await here().publish(consent, [broken!, ...consent.add(['ConsentGranted'])])
    await until(() => expect(seen).toEqual(granted([2])))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('invalid-event')
  })

  it('is never asked about a body that is no JSON, and the next event follows', async () => {
    const seen: string[] = []
    const [broken] = consent.add(['ConsentGranted', 'ConsentGranted'])
    broken!.body = new TextEncoder().encode('{"type":')
    await billing(seen)
    await until(() => expect(seen).toEqual(granted([2])))
    const [letter] = await here().deadLetters('billing')
    expect(letter?.header.get('dlq-reason')).toBe('invalid-event')
    expect(letter?.header.get('ledger-seq')).toBe('1')
  })

  it('fails at what something else answered gets the event again, whatever its error is called', async () => {
    const seen: string[] = []
    const badAnswer = Object.assign(new Error('expected a number'), { name: 'ZodError' })
    const errors = [badAnswer, new UnknownEventVersion('ConsentGranted', 9), new ProducerContradicts('consent', 'so')]
    await billing(seen, {
      onEvent: (_event, { seq, attempt }) => {
        seen.push(`${seq}/${attempt}`)
        const error = seq === 1 ? errors[attempt - 1] : undefined
        if (error) throw error
      },
    })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(['1/1', '1/2', '1/3', '1/4', '2/1']))
    expect(await here().deadLetters('billing')).toEqual([])
  })

  it('gets an event once that comes twice from the stream', async () => {
    const seen: string[] = []
    await billing(seen)
    const events = consent.add(['ConsentGranted', 'ConsentGranted'])
    await here().publish(consent, events)
    const again = { ...eventHeaders(events[0]!), 'Nats-Msg-Id': ['again'] }
    await here()
      .as('consent')
      .request(events[0]!.subject, events[0]!.body, { headers: MsgHdrsImpl.fromRecord(again), timeout: 5000 })
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    await sleep(200)
    expect(seen).toEqual(granted([1, 2]))
  })
})
