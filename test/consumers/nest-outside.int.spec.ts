// A NestJS service of somebody else, with the rights of one: it reads through the durable consumer that the operator made,
// and needs no more than that. It keeps personal data, so it is told of erasures.
import 'reflect-metadata'
import { recipientOf, type CommandReply, type CommandRequest, type EventBody } from '@careseal/contracts'
import { request } from '@careseal/messaging'
import { JetStreamContext, listenToMessages, MessagingModule, OnCommand, OnEvent } from '@careseal/nest-jetstream'
import { Controller, Module, type INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'

const SUBJECT = '00000000-0000-4000-8000-000000000001'
const world = new ConsumingWorld([{ name: 'billing', types: ['ConsentGranted', 'ConsentRevoked'], recipient: true }])
const consent = new TestProducer('consent')
const seen: number[] = []
let forget: (subjectIds: readonly string[]) => Promise<number>
let app: INestApplication

@Controller()
class Handlers {
  @OnEvent('ConsentRevoked')
  onRevoked(_event: EventBody<'ConsentRevoked'>, { ledgerSeq }: JetStreamContext): void {
    seen.push(ledgerSeq)
  }

  @OnCommand('forget-subjects')
  async onForget({ subjectIds }: CommandRequest<'forget-subjects'>): Promise<CommandReply<'forget-subjects'>> {
    return { forgotten: await forget(subjectIds) }
  }
}

beforeAll(async () => {
  await world.start()
  class AppModule {}
  const imports = [MessagingModule.forConsumer({ name: 'billing', ...world.broker('billing') })]
  Module({ imports, controllers: [Handlers] })(AppModule)
  app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })
  await listenToMessages(app)
  await app.listen(0, '127.0.0.1')
})

afterAll(async () => {
  await app?.close()
  await world.stop()
})

it('handles what it was granted, and puts aside what it has no handler for', async () => {
  await world.publish(consent, consent.add(['ConsentRevoked', 'ConsentRead', 'ConsentGranted', 'ConsentRevoked']))
  await vi.waitFor(() => expect(seen).toEqual([1, 4]), 15_000)
  await vi.waitFor(async () => expect(await world.outstanding('billing')).toEqual([0, 0]), 15_000)
  const letters = await world.deadLetters('billing')
  expect(letters.map(({ header }) => [header.get('ledger-seq'), header.get('dlq-reason')])).toEqual([
    ['3', 'no-handler'],
  ])
})

it('acknowledges an erasure to the operator by having done it, and not by failing', async () => {
  const asked = { subjectIds: [SUBJECT] }
  const ask = () =>
    request(world.as('deployer'), recipientOf('billing'), 'forget-subjects', asked, { deadlineMs: 3000 })
  forget = () => Promise.reject(new Error('the table is locked'))
  await expect(ask()).rejects.toThrow('internal')
  const forgotten: string[] = []
  forget = async (subjectIds) => forgotten.push(...subjectIds)
  expect(await ask()).toEqual({ forgotten: 1 })
  expect(forgotten).toEqual([SUBJECT])
})
