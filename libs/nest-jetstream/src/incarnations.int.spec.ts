// Whose events a handler gets: those of the service that owns the type, also after that service was recovered under
// another name, and of nobody else.
import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import { sampleEvent, subjectOf, type EventBody } from '@careseal/contracts'
import { publishEvents } from '@careseal/messaging'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { OnEvent } from './decorators.js'
import { JetStreamContext } from './jetstream.context.js'
import { SpecBroker } from './spec-broker.fixture.js'

const broker = new SpecBroker()
const seen: string[] = []

@Controller()
class Handlers {
  @OnEvent('ConsentRevoked')
  onRevoked(_event: EventBody<'ConsentRevoked'>, { producer, ledgerSeq, ledgerLink }: JetStreamContext): void {
    seen.push(`${producer}:${ledgerSeq}:${ledgerLink.slice(0, 2)}`)
  }
}

beforeEach(() => broker.start())
afterEach(() => broker.stop())

async function publish(producer: string): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(sampleEvent('ConsentRevoked')))
  const hashes = { tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }
  await publishEvents(broker.nc, [
    { producer, seq: 7, body, subject: subjectOf('ConsentRevoked', producer), ...hashes },
  ])
}

it('handlers hear every incarnation of their producer, and put aside what another service publishes as its own', async () => {
  await broker.startApp([Handlers])
  for (const producer of ['consent', 'records', 'consent-2']) await publish(producer)
  await vi.waitFor(() => expect(seen).toEqual(['consent:7:cc', 'consent-2:7:cc']), 8000)
  await vi.waitFor(async () => {
    const letter = await broker.manager.streams.getMessage('DLQ', { seq: 1 })
    expect(letter?.header.get('dlq-reason')).toBe('foreign-producer')
  }, 8000)
})
