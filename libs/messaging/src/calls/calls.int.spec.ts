import { startNats, type RunningNats } from '@careseal/stack'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectNats, type NatsConnection } from '../connection.js'
import { BreakerOpen, CommandRejected, DeadlineExceeded, RemoteFailure, Unreachable } from '../errors.js'
import { onNotice, publishNotice } from '../notices.js'
import { callService } from './call-service.js'
import { request } from './request.js'
import { respond, type CommandContext, type CommandHandler, type Responder } from './respond.js'

let nats: RunningNats
let asking: NatsConnection
let answering: NatsConnection
let responders: Responder[] = []

const head = { producer: 'consent', lastSeq: 3, lastLink: 'a'.repeat(64) }
const options = { deadlineMs: 2000 }

beforeAll(async () => {
  nats = await startNats()
})

afterAll(async () => {
  await nats.stop()
})

beforeEach(async () => {
  asking = await connectNats({ url: nats.url, name: 'records' })
  answering = await connectNats({ url: nats.url, name: 'consent' })
})

afterEach(async () => {
  await Promise.all(responders.splice(0).map((responder) => responder.stop()))
  await asking.close()
  await answering.close()
})

async function answerHead(handler: CommandHandler<'outbox-head'>, concurrency = 64): Promise<Responder> {
  const responder = respond(answering, 'consent', 'outbox-head', handler, { concurrency })
  responders.push(responder)
  await answering.flush()
  return responder
}

const askHead = (deadlineMs = 2000) => request(asking, 'consent', 'outbox-head', {}, { deadlineMs })

describe('request and reply', () => {
  it('brings the answer back', async () => {
    await answerHead(() => head)
    expect(await askHead()).toEqual(head)
  })

  it('tells the responder deadline and trace', async () => {
    const contexts: CommandContext[] = []
    await answerHead((_, context) => (contexts.push(context), head))
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    await request(asking, 'consent', 'outbox-head', {}, { deadlineMs: 700, traceparent })
    expect(contexts[0]?.deadlineMs).toBeGreaterThan(500)
    expect(contexts[0]?.deadlineMs).toBeLessThanOrEqual(700)
    expect(contexts[0]?.traceparent).toBe(traceparent)
  })

  it('says that nobody is there, at once', async () => {
    await expect(askHead(10_000)).rejects.toBeInstanceOf(Unreachable)
  })

  it('gives up at the deadline, and tells the responder', async () => {
    const aborted = Promise.withResolvers<void>()
    await answerHead(async (_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve())
      await aborted.promise
      return head
    })
    await expect(askHead(150)).rejects.toBeInstanceOf(DeadlineExceeded)
    await aborted.promise
  })

  it('carries a rejection with its code', async () => {
    await answerHead(() => Promise.reject(new CommandRejected('rolled-back')))
    const failure = await askHead().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CommandRejected)
    expect((failure as CommandRejected).rejection).toBe('rolled-back')
  })

  it('hides why the other side failed', async () => {
    await answerHead(() => Promise.reject(new Error('secret detail')))
    await expect(askHead()).rejects.toMatchObject({ code: 'remote-failure', remoteCode: 'internal' })
    await expect(askHead()).rejects.not.toThrow('secret')
  })

  it('refuses an answer that breaks the contract, on either side', async () => {
    await answerHead(() => ({ ...head, lastLink: 'short' }))
    await expect(askHead()).rejects.toMatchObject({ remoteCode: 'internal' })
    answering.subscribe('cmd.audit.outbox-head', { callback: (_, message) => void message.respond('{"lastSeq":-1}') })
    await answering.flush()
    await expect(request(asking, 'audit', 'outbox-head', {}, options)).rejects.toMatchObject({
      remoteCode: 'bad-reply',
    })
  })

  it('refuses a request that breaks the contract', async () => {
    await answerHead(() => head)
    await expect(request(asking, 'consent', 'outbox-head', { x: 1 } as never, options)).rejects.toThrow(
      'Unrecognized key',
    )
    const reply = await asking.request('cmd.consent.outbox-head', '{"x":1}')
    expect(reply.headers?.get('careseal-failure')).toBe('invalid-request')
  })

  it('refuses to send an answer that no message can hold', async () => {
    const event = { seq: 1, tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64), subject: 's' }
    const body = Buffer.alloc(2 * 1024 * 1024).toString('base64')
    responders.push(
      respond(answering, 'consent', 'replay-outbox', () => ({ events: [{ ...event, body }], next: null })),
    )
    await answering.flush()
    const question = { producer: 'consent', from: 1, limit: 1 }
    const answer = request(asking, 'consent', 'replay-outbox', question, options)
    await expect(answer).rejects.toMatchObject({ remoteCode: 'reply-too-large' })
  })

  it('answers no more at a time than it is allowed to', async () => {
    let now = 0
    let most = 0
    await answerHead(async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 20))
      now--
      return head
    }, 2)
    await Promise.all(Array.from({ length: 10 }, () => askHead()))
    expect(most).toBe(2)
  })

  it('answers what is in flight before it stops', async () => {
    const begun = Promise.withResolvers<void>()
    const responder = await answerHead(async () => {
      begun.resolve()
      await new Promise((resolve) => setTimeout(resolve, 100))
      return head
    })
    const answer = askHead()
    await begun.promise
    await responder.stop()
    expect(await answer).toEqual(head)
  })

  it('stops asking a service that fails, and asks again later', async () => {
    let works = false
    await answerHead(() => (works ? head : Promise.reject(new Error('broken'))))
    for (let call = 0; call < 5; call++) await expect(askHead()).rejects.toBeInstanceOf(RemoteFailure)
    await expect(askHead()).rejects.toBeInstanceOf(BreakerOpen)
    works = true
    await vi.waitFor(() => askHead(), { timeout: 8000, interval: 200 })
  })
})

describe('notices', () => {
  it('reach those who listen, and what is none does not', async () => {
    const heard: unknown[] = []
    const stop = onNotice(asking, 'ledger.checkpoint-published', (notice) => heard.push(notice))
    await asking.flush()
    answering.publish('ledger.checkpoint-published', '{"size":"many"}')
    publishNotice(answering, 'ledger.checkpoint-published', { size: 2, root: 'a'.repeat(64) })
    await vi.waitFor(() => expect(heard).toEqual([{ size: 2, root: 'a'.repeat(64) }]))
    stop()
  })
})

describe('calls over HTTP', () => {
  let server: Server
  let url: string
  let answer: (response: ServerResponse) => void

  beforeEach(async () => {
    server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it('hands on a 4xx as an answer, however often', async () => {
    answer = (response) => response.writeHead(404).end('nothing here')
    for (let call = 0; call < 12; call++) {
      const response = await callService('spec.missing', url, options)
      expect([response.status, await response.text()]).toEqual([404, 'nothing here'])
    }
  })

  it('opens after failures, carrying status and Retry-After until then', async () => {
    answer = (response) => response.writeHead(503, { 'retry-after': '7' }).end()
    for (let call = 0; call < 5; call++) {
      const call = callService('spec.down', url, options)
      await expect(call).rejects.toMatchObject({ code: 'remote-failure', status: 503, retryAfterSeconds: 7 })
    }
    await expect(callService('spec.down', url, options)).rejects.toBeInstanceOf(BreakerOpen)
  })

  it('counts no request on which the other side fails, however often', async () => {
    answer = (response) => response.writeHead(500).end()
    for (let call = 0; call < 12; call++) {
      await expect(callService('spec.failing', url, options)).rejects.toMatchObject({ status: 500 })
    }
  })

  it('covers the body with the deadline', async () => {
    answer = (response) => void response.writeHead(200).write('half')
    const response = await callService('spec.slow', url, { deadlineMs: 200 })
    await expect(response.text()).rejects.toThrow('timeout')
  })

  it('says when the deadline passed before an answer, or nobody listens', async () => {
    answer = () => undefined
    await expect(callService('spec.mute', url, { deadlineMs: 100 })).rejects.toBeInstanceOf(DeadlineExceeded)
    await expect(callService('spec.none', 'http://127.0.0.1:1/', options)).rejects.toBeInstanceOf(Unreachable)
  })
})
