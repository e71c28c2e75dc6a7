import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import type { CommandReply, CommandRequest } from '@careseal/contracts'
import { CommandRejected, request } from '@careseal/messaging'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CommandRpcContext } from './command.context.js'
import { OnCommand } from './decorators.js'
import { JetStreamServer } from './jetstream.server.js'
import { SpecBroker } from './spec-broker.fixture.js'

type Question = CommandRequest<'outbox-head'>
type Answer = CommandReply<'outbox-head'>

const broker = new SpecBroker()
let decide: (question: Question, context: CommandRpcContext) => Promise<Answer>

@Controller()
class Handlers {
  @OnCommand('outbox-head')
  head(question: Question, context: CommandRpcContext): Promise<Answer> {
    return decide(question, context)
  }
}

beforeEach(async () => {
  await broker.start()
})

afterEach(async () => {
  await broker.stop()
})

const ask = (deadlineMs = 2000) => request(broker.nc, 'audit', 'outbox-head', {}, { deadlineMs })

describe('commands', () => {
  const head = { producer: 'audit', lastSeq: 1, lastLink: 'a'.repeat(64) }
  it('are answered on the subject of the service', async () => {
    const contexts: CommandRpcContext[] = []
    decide = async (_, context) => (contexts.push(context), head)
    await broker.startApp([Handlers])
    expect(await ask(900)).toEqual(head)
    expect(contexts[0]?.deadlineMs).toBeLessThanOrEqual(900)
  })

  it('carry rejections with their code, and hide failures', async () => {
    decide = () => Promise.reject(new CommandRejected('rolled-back'))
    await broker.startApp([Handlers])
    await expect(ask()).rejects.toMatchObject({ code: 'command-rejected', rejection: 'rolled-back' })
    decide = () => Promise.reject(new Error('private words'))
    await expect(ask()).rejects.toMatchObject({ code: 'remote-failure', remoteCode: 'internal' })
  })

  it('are answered while the app closes, if they came before', async () => {
    const begun = Promise.withResolvers<void>()
    decide = async () => {
      begun.resolve()
      await sleep(150)
      return head
    }
    const app = await broker.startApp([Handlers])
    const answer = ask()
    await begun.promise
    await broker.close(app)
    expect(await answer).toEqual(head)
  })

  it('must be commands of the contracts', async () => {
    const server = new JetStreamServer({ nc: broker.nc, name: 'audit' })
    server.addHandler('make-coffee', async () => 'coffee')
    const failure = vi.fn<(error?: unknown) => void>()
    await server.listen(failure)
    expect(failure).toHaveBeenCalledWith(expect.objectContaining({ message: expect.stringContaining('make-coffee') }))
  })
})
