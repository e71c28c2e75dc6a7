// The live feed, on a real ledger that grows: every block once and in order, whatever becomes of the connection.
import * as fc from 'fast-check'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LedgerFeed } from '../src/feed/ledger-feed.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, readerOf } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'

type Told = { event: string; id: string; data: { height?: number; hash?: string; size?: number; note?: string } }

const records = new ChainWriter(ORIGIN, 'records')
let database: LedgerDatabase
let app: RunningApp

beforeAll(async () => {
  database = await startLedgerDatabase()
  app = await RunningApp.start(database, undefined, { FEED_CLIENTS_MAX: '12' })
  app.answerFor(records)
  await eventually(async () => (await app.get('/readyz')).ok)
  for (let i = 0; i < 8; i++) await grow(40)
})
afterAll(async () => {
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

const grow = (count: number) => app.grow(records, count)

/** The events of a stream until `enough` says so or it ends; then the connection is broken. */
async function listen(query: string, { id, enough }: { id?: string; enough: (told: Told[]) => boolean }) {
  const broken = new AbortController()
  const headers = id === undefined ? {} : { 'last-event-id': id }
  const url = `http://127.0.0.1:${app.application.port}/ledger/feed${query}`
  const response = await fetch(url, { headers, signal: broken.signal })
  const told: Told[] = []
  let text = ''
  try {
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString()
      const whole = text.split('\n\n')
      text = whole.pop()!
      told.push(...whole.flatMap((piece) => (piece.startsWith('event: ') ? [parsed(piece)] : [])))
      if (enough(told)) break
    }
  } finally {
    broken.abort()
  }
  return { response, told }
}

function parsed(piece: string): Told {
  const fields = Object.fromEntries(piece.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
  return { event: fields['event'], id: fields['id'], data: JSON.parse(fields['data']) as Told['data'] }
}

async function allBlocks(): Promise<{ height: number; hash: string }[]> {
  const { blocks } = (await (await app.get('/ledger/blocks?limit=1000')).json()) as {
    blocks: { height: number; hash: string }[]
  }
  return blocks
}

const hasCheckpoint = (told: Told[]) => told.some(({ event }) => event === 'checkpoint')

describe('the feed', () => {
  it('tells every block from a height on as /ledger/blocks does, then the checkpoint that covers them', async () => {
    const { response, told } = await listen('?from=0', { enough: hasCheckpoint })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('cache-control')).toContain('no-store')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(told.slice(0, -1).map(({ data }) => data)).toEqual(await allBlocks())
    const { size, note } = await app.ledger.published()
    expect(told.at(-1)).toMatchObject({ event: 'checkpoint', data: { size, note } })
  })

  it('begins with what is newest, and goes on with what comes', async () => {
    const { height } = await app.ledger.head()
    let grown: Promise<void> | undefined
    const { told } = await listen('', {
      enough: (told) => {
        if (hasCheckpoint(told)) grown ??= grow(1)
        return told.filter(({ event }) => event === 'checkpoint').length > 1
      },
    })
    await grown
    expect(told.map(({ event }) => event)).toEqual(['checkpoint', 'block', 'checkpoint'])
    expect(told[1]?.data.height).toBe(height + 1)
  })

  it('tells the same, cut off wherever and however often, as without', async () => {
    const expected = (await listen('?from=0', { enough: hasCheckpoint })).told
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(cuts, async (counts) => {
        const heard: Told[] = []
        for (const count of counts) {
          const at = heard.at(-1)?.id
          const enough = (told: Told[]) => heard.length + told.length >= expected.length
          const { told } = await listen(`?from=0&count=${count}`, { ...(at ? { id: at } : {}), enough })
          heard.push(...told)
          if (heard.length >= expected.length) break
        }
        expect(heard).toEqual(expected.slice(0, heard.length))
        expect(heard.length).toBe(
          Math.min(
            expected.length,
            counts.reduce((sum, count) => sum + count, 0),
          ),
        )
      }),
      { numRuns: 15 },
    )
  })

  it('refuses a place that it never gave, and one that this ledger has not reached', async () => {
    const answers = ['x', '3', '99999/4'].map((id) => app.get('/ledger/feed', { 'last-event-id': id }))
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([400, 400, 409])
    expect((await app.get('/ledger/feed?from=99999')).status).toBe(409)
    expect((await app.get('/ledger/feed?count=0')).status).toBe(400)
  })

  it('answers HEAD, and keeps no seat for it', async () => {
    for (let i = 0; i < 20; i++) {
      const head = await fetch(`http://127.0.0.1:${app.application.port}/ledger/feed`, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    }
  })

  it('has no more seats for an address than its share, and has them again when somebody leaves', async () => {
    const open = async () => {
      const leave = new AbortController()
      const response = await fetch(`http://127.0.0.1:${app.application.port}/ledger/feed`, { signal: leave.signal })
      return { status: response.status, retryAfter: response.headers.get('retry-after'), leave: () => leave.abort() }
    }
    const clients = [await open(), await open(), await open()]
    expect(clients.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await app.metrics()).toMatch(/careseal_ledger_feed_clients\{.*\} 3/)
    expect(await open()).toMatchObject({ status: 503, retryAfter: '5' })
    clients[0]!.leave()
    await eventually(async () => {
      const client = await open()
      client.leave()
      return client.status === 200
    })
    for (const { leave } of clients) leave()
    await eventually(async () => /careseal_ledger_feed_clients\{.*\} 0/.test(await app.metrics()))
  })
})

describe('a client of the feed', () => {
  const options = { clientsMax: 8, lookMs: 10, heartbeatMs: 30, stalledMs: 150 }
  const seat = { address: 'a', count: Number.POSITIVE_INFINITY, place: { height: -1, size: 0 } }

  it('is sent a sign of life while there is nothing new', async () => {
    const feed = new LedgerFeed(readerOf(database), options)
    const gone = new AbortController()
    let text = ''
    const stream = feed.open({ ...seat, cut: () => {}, gone: gone.signal })
    for await (const piece of stream) {
      text += String(piece)
      if (text.split(': nothing new\n\n').length > 3) break
    }
    expect(text).toMatch(/^retry: 1000\n\nevent: block\n/)
  })

  it('who reads nothing is cut off in time, and costs no memory meanwhile', async () => {
    const feed = new LedgerFeed(readerOf(database), options)
    const cut = Promise.withResolvers<void>()
    const stream = feed.open({ ...seat, cut: cut.resolve, gone: new AbortController().signal })
    const connection = stream.pipe(new PassThrough({ highWaterMark: 1 }))
    const since = performance.now()
    await cut.promise
    expect(performance.now() - since).toBeGreaterThan(100)
    expect([stream.readableLength, connection.writableLength < 2_000]).toEqual([1, true])
    stream.destroy()
  })

  it('who reads slowly but reads is told everything', async () => {
    const feed = new LedgerFeed(readerOf(database), { ...options, stalledMs: 1000 })
    const cut = { times: 0 }
    const stream = feed.open({ ...seat, count: 10, cut: () => cut.times++, gone: new AbortController().signal })
    let events = 0
    for await (const piece of stream) {
      if (String(piece).startsWith('event:')) events += 1
      await delay(20)
    }
    expect([events, cut.times]).toEqual([10, 0])
  })

  it('is let go when the service stops, without waiting for who stands still', async () => {
    const feed = new LedgerFeed(readerOf(database), { ...options, stalledMs: 60_000 })
    const cut: string[] = []
    const reading = feed.open({ ...seat, cut: () => cut.push('reading'), gone: new AbortController().signal })
    const still = feed.open({ ...seat, cut: () => cut.push('still'), gone: new AbortController().signal })
    still.pipe(new PassThrough({ highWaterMark: 1 }))
    const ended = (async () => {
      for await (const _ of reading);
    })()
    await delay(50)
    await feed.beforeApplicationShutdown()
    await ended
    expect(cut).toEqual(['still'])
    still.destroy()
  })
})

describe('the whole service', () => {
  it('stops while clients listen, and ends their streams', async () => {
    const { ledger } = app
    const listening = listen('', { enough: () => false })
    await eventually(async () => /careseal_ledger_feed_clients\{.*\} 1/.test(await app.metrics()))
    const since = performance.now()
    await app.stop()
    expect(performance.now() - since).toBeLessThan(8_000)
    expect((await listening).told.length).toBeGreaterThan(0)
    app = await RunningApp.start(database, ledger)
  })
})
