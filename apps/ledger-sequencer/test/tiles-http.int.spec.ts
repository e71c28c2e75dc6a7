// tlog-tiles over HTTP as its specification has it, read by a client that shares no code with the server.
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually } from './ledger-under-test.js'
import { indexPath, readLog, readTree, type FetchPath } from './naive-tiles-client.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }

const vectors = fileURLToPath(new URL('../../../../shared/vectors/tile-paths.json', import.meta.url))
const records = new ChainWriter(ORIGIN, 'records')
let database: LedgerDatabase
let app: RunningApp
/** A tree that was published before the ledger grew. */
let earlier: { size: number; root: Buffer }

beforeAll(async () => {
  database = await startLedgerDatabase()
  app = await RunningApp.start(database)
  app.answerFor(records)
  await eventually(async () => (await app.get('/readyz')).ok)
  await grow(300)
  earlier = await readLog(fetchPath)
  await grow(900)
})
afterAll(async () => {
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

const grow = (count: number) => app.grow(records, count)

/** The bytes as they go over the wire: nothing is normalised, followed or unpacked. */
function raw(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: app.application.port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      })
    })
    asked.on('error', reject).end()
  })
}

const fetchPath: FetchPath = async (path) => {
  const { status, body } = await raw(`/ledger/${path}`)
  if (status !== 200 && status !== 404) throw new Error(`${path} answered ${status}`)
  return status === 200 ? body : null
}

const FULL = '/ledger/tile/0/000'
const BUNDLE = '/ledger/tile/entries/000'

describe('the tree that is served', () => {
  it('is rebuilt from tiles and bundles alone, on every level', async () => {
    const { size, entries, tiles } = await readLog(fetchPath)
    expect(size).toBeGreaterThan(1200)
    expect(tiles).toBe(Math.ceil(size / 256) + 1)
    expect(entries.map((entry) => entry.toString()).filter((text) => text.startsWith('{"leaf"'))).toHaveLength(1200)
  })

  it('still has every tile of a tree that was published earlier, cut from tiles that are full meanwhile', async () => {
    const again = await readTree(fetchPath, earlier.size, earlier.root)
    expect(again.entries).toHaveLength(earlier.size)
    expect(earlier.size % 256).toBeGreaterThan(0)
  })

  it('has every partial width of a full tile and bundle', async () => {
    const [tile, bundle] = await Promise.all([raw(FULL), raw(BUNDLE)])
    for (const width of [1, 2, 127, 128, 255]) {
      const part = await raw(`${FULL}.p/${width}`)
      expect(part.body.equals(tile.body.subarray(0, width * 32))).toBe(true)
      const cut = (await raw(`${BUNDLE}.p/${width}`)).body
      expect(bundle.body.subarray(0, cut.length).equals(cut)).toBe(true)
    }
  })

  it('ends where the published checkpoint does', async () => {
    const { size } = await app.ledger.published()
    const [last, width] = [Math.floor(size / 256), size % 256]
    const beyond = [
      `0/${indexPath(last)}.p/${width + 1}`,
      `0/${indexPath(last)}`,
      `0/${indexPath(last + 1)}.p/1`,
      `1/000.p/${last + 1}`,
      '2/000.p/1',
      '6/000.p/1',
      '7/000.p/1',
      '63/000',
      `entries/${indexPath(last)}.p/${width + 1}`,
      'entries/x999/x999/x999/x999/x999/999',
    ]
    for (const place of beyond) {
      const { status, headers } = await raw(`/ledger/tile/${place}`)
      expect([place, status, headers['cache-control']]).toEqual([place, 404, 'no-store'])
    }
  })
})

describe('headers', () => {
  it.each([
    [FULL, 'application/octet-stream', 'public, max-age=31536000, immutable'],
    [`${FULL}.p/9`, 'application/octet-stream', 'public, max-age=31536000, immutable'],
    [BUNDLE, 'application/octet-stream', 'public, max-age=31536000, immutable'],
    ['/ledger/checkpoint', 'text/plain; charset=utf-8', 'public, max-age=1'],
    [
      '/ledger/proof/inclusion?index=0&size=9',
      'application/json; charset=utf-8',
      'public, max-age=31536000, immutable',
    ],
    ['/ledger/proof/inclusion?index=0', 'application/json; charset=utf-8', 'public, max-age=1'],
    ['/ledger/blocks/0', 'application/json; charset=utf-8', 'public, max-age=31536000, immutable'],
    ['/ledger/blocks?limit=2', 'application/json; charset=utf-8', 'public, max-age=60'],
    ['/ledger/entries?limit=4096', 'application/json; charset=utf-8', 'no-store'],
    ['/ledger/entries/7', 'application/json; charset=utf-8', 'public, max-age=31536000, immutable'],
  ])('of %s', async (path, type, cache) => {
    const got = await raw(path)
    expect([got.status, got.headers['content-type'], got.headers['cache-control']]).toEqual([200, type, cache])
    expect(got.headers['access-control-allow-origin']).toBe('*')
    const head = await raw(path, {}, 'HEAD')
    expect([head.status, head.body.length, head.headers['cache-control']]).toEqual([200, 0, cache])
    expect(head.headers['content-length']).toBe(String(got.body.length))
  })

  it('name what the client holds already', async () => {
    for (const path of [FULL, BUNDLE, '/ledger/checkpoint']) {
      const first = await raw(path)
      const etag = String(first.headers['etag'])
      for (const known of [etag, `W/${etag}`, `"x", ${etag}`]) {
        const again = await raw(path, { 'if-none-match': known })
        expect([again.status, again.body.length, again.headers['etag']]).toEqual([304, 0, etag])
      }
      expect((await raw(path, { 'if-none-match': '"x"' })).status).toBe(200)
    }
  })

  it('of a bundle differ by its encoding', async () => {
    const [plain, zipped] = [await raw(BUNDLE), await raw(BUNDLE, { 'accept-encoding': 'gzip, identity' })]
    expect(zipped.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true)
    expect(zipped.body.length).toBeLessThan(plain.body.length * 0.7)
    expect(zipped.headers['etag']).not.toBe(plain.headers['etag'])
    const tile = await raw(FULL, { 'accept-encoding': 'gzip' })
    expect(tile.headers['content-encoding']).toBeUndefined()
  })

  it('let pages of any origin read, refusals too', async () => {
    const { headers } = await raw('/ledger/tile/0/999', { origin: 'https://elsewhere.example' })
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-expose-headers']).toContain('Retry-After')
    const asks = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' }
    const preflight = await raw(FULL, asks, 'OPTIONS')
    expect([preflight.status, preflight.headers['access-control-allow-methods']]).toEqual([204, 'GET, HEAD'])
    const posted = await raw('/ledger/admin-entries', { origin: 'https://elsewhere.example' }, 'POST')
    expect(posted.headers['access-control-allow-origin']).toBeUndefined()
  })
})

type PathVectors = {
  parse_ok: { level: string; index: string }[]
  parse_reject: [level: string, index: string][]
  index_path: [index: string, path: string][]
}

describe.skipIf(!existsSync(vectors))('the published vectors of tile paths', () => {
  const {
    parse_ok: ok,
    parse_reject: reject,
    index_path: paths,
  } = existsSync(vectors)
    ? (JSON.parse(readFileSync(vectors, 'utf8')) as PathVectors)
    : { parse_ok: [], parse_reject: [], index_path: [] }

  it('are told apart: no path is 400, a path beyond the tree is 404', async () => {
    for (const [level, index] of reject) {
      expect([index, (await raw(`/ledger/tile/${level}/${index}`)).status]).toEqual([index, 400])
    }
    for (const { level, index } of ok) {
      const { status } = await raw(`/ledger/tile/${level}/${index}`)
      expect([index, [200, 404].includes(status)]).toEqual([index, true])
    }
    expect((await raw('/ledger/tile/0/001')).status).toBe(200)
  })

  it('are written by the naive client as they are there', () => {
    for (const [index, path] of paths) expect(indexPath(Number(index))).toBe(path)
  })
})

describe('a client that asks too often', () => {
  it('is told to wait, by status and headers', async () => {
    const limited = await RunningApp.start(database, app.ledger, { RATE_LIMIT_PER_MINUTE: '5' })
    const get = () => limited.get('/ledger/checkpoint')
    const first = await get()
    expect([first.headers.get('ratelimit-limit'), first.headers.get('ratelimit-remaining')]).toEqual(['5', '4'])
    for (let i = 0; i < 4; i++) await get()
    const refused = await get()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    expect(refused.headers.get('cache-control')).toBe('no-store')
    await limited.stop()
  })
})
