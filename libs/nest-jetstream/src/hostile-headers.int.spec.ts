// An event under headers that the client library refuses to read: a handler gets it where it is whole, and where it is
// not, it is put aside as it came.
import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import { sampleEvent, subjectOf } from '@careseal/contracts'
import { eventHeaders, headersIn } from '@careseal/messaging'
import { MsgHdrsImpl, type Msg } from 'nats'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { OnEvent } from './decorators.js'
import { JetStreamContext } from './jetstream.context.js'
import { SpecBroker } from './spec-broker.fixture.js'

const broker = new SpecBroker()
const seen: number[] = []

@Controller()
class Handlers {
  @OnEvent('ConsentRevoked')
  onRevoked(_event: unknown, { ledgerSeq }: JetStreamContext): void {
    seen.push(ledgerSeq)
  }
}

beforeEach(() => broker.start())
afterEach(() => broker.stop())

const subject = subjectOf('ConsentRevoked')
const body = new TextEncoder().encode(JSON.stringify(sampleEvent('ConsentRevoked')))
const hashes = { tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }

async function publish(seq: number, headers: Record<string, string[]>): Promise<void> {
  const own = eventHeaders({ producer: 'consent', seq, body, subject, ...hashes })
  const all = MsgHdrsImpl.fromRecord({ ...own, ...headers })
  await broker.nc.request(subject, body, { headers: all, timeout: 2000 })
}

it('a header that cannot be read neither hides an event nor stands in the way of the next one', async () => {
  const letters: Msg[] = []
  broker.nc.subscribe('dlq.audit', { callback: (_error, message) => void letters.push(message) })
  await broker.startApp([Handlers])
  await publish(1, { 'no name': ['x'] })
  await publish(2, { 'no name': ['x'], 'ce-type': ['AccountOpened'] })
  await publish(3, {})
  await vi.waitFor(() => expect(seen).toEqual([1, 3]), 8000)
  await vi.waitFor(() => expect(letters).toHaveLength(1), 8000)
  expect(headersIn(letters[0]!)).toMatchObject({ 'no name': ['x'], 'ce-type': ['AccountOpened'], 'ledger-seq': ['2'] })
  expect(headersIn(letters[0]!)['dlq-reason']).toEqual(['headers-differ'])
})
