import type { LedgerEvent } from '@careseal/event-envelope'
import { encodeHeader, NO_HASH } from '@careseal/ledger-core'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { proveLeaves } from './prove-leaves.js'

// Ten blocks of ten events each. It has no checkpoint: whoever asks for one has found the event's place.
const BLOCKS = Array.from({ length: 10 }, (_, height) => ({ height, header: headerOf(height) }))

function headerOf(height: number): string {
  const runs = [{ producer: 'consent', fromSeq: height * 10 + 1, count: 10 }]
  const place = { height, epoch: 1, time: 1_767_225_600, firstIndex: height * 11, controls: 0, count: 10, runs }
  return Buffer.from(encodeHeader({ ...place, prevHash: NO_HASH, root: NO_HASH })).toString('base64')
}

let server: Server
let url: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://ledger.example')
    if (!pathname.endsWith('/blocks')) return void response.writeHead(503).end()
    const from = Number(searchParams.get('from'))
    response.end(JSON.stringify({ blocks: BLOCKS.filter(({ height }) => height >= from) }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

const event = (seq: number) => ({ producer: 'consent', seq, leafHash: NO_HASH }) as LedgerEvent
const proving = (fromHeight?: number) =>
  proveLeaves({ url, trusted: { logVkeys: [] }, ...(fromHeight === undefined ? {} : { fromHeight }) })
const { signal } = new AbortController()

describe('the proof of a leaf', () => {
  it('goes back where somebody reads again from an earlier event', async () => {
    const prove = proving()
    for (const seq of [95, 12, 13, 100, 1]) {
      await expect(prove(event(seq), signal)).rejects.toMatchObject({ code: 'service-failed', reason: '503' })
    }
  })

  it('is refused for an event that was sealed before the block to begin with', async () => {
    const prove = proving(5)
    await expect(prove(event(51), signal)).rejects.toMatchObject({ reason: '503' })
    await expect(prove(event(50), signal)).rejects.toMatchObject({ reason: 'sealed-before-block-5' })
    await expect(prove(event(52), signal)).rejects.toMatchObject({ reason: '503' })
  })
})
