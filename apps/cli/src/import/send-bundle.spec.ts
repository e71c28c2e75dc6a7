import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EXIT } from '../exit.js'
import type { BundleFile } from './bundle-file.js'
import { cachedToken } from './cached-token.js'
import { sendBundle } from './send-bundle.js'

const origin = 'http://ledger.example'
const bundle: BundleFile = { bytes: Buffer.from('{}'), hash: 'a1', entryCount: 2, countsByType: new Map() }

/** An answer by the statuses of its entries. */
const entries = (...statuses: string[]) => {
  const entry = statuses.map((status, n) => ({
    response: { status, ...(status.startsWith('2') ? { location: `Patient/${n}/_history/1` } : {}) },
  }))
  return () => Response.json({ entry })
}
const status = (code: number) => () => new Response(null, { status: code })
const stored = entries('201 Created', '201 Created')

let sent: Headers[]
beforeEach(() => {
  sent = []
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => vi.restoreAllMocks())

/** Answers one request after the other, and all further ones as the last. */
function answering(...answers: (() => Response)[]): void {
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (_url, init) => {
    sent.push(new Headers(init!.headers))
    return answers[Math.min(sent.length, answers.length) - 1]!()
  })
}

const told = (name: string) => sent.map((headers) => headers.get(name))
const send = (token: (refused?: string) => Promise<string>) =>
  sendBundle(bundle, { origin, token }, new AbortController().signal)

/** The tokens t1, t2 and so on, each until it is refused. */
function tokens() {
  let asked = 0
  return cachedToken(async () => ({ token: `t${++asked}`, expiresInSeconds: 300 }))
}

describe('the token of a bundle', () => {
  it('is asked for before each attempt', async () => {
    answering(status(503), status(503), stored)
    let asked = 0
    await send(async () => `t${++asked}`)
    expect(told('authorization')).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t3'])
  })

  it('is another one where it was refused, which is no verdict on the bundle', async () => {
    answering(status(401), status(503), stored)
    expect(await send(tokens())).toMatchObject({ reason: null })
    expect(told('authorization')).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2'])
    expect(new Set(told('idempotency-key'))).toEqual(new Set(['a1']))
  })

  it('ends the import where another one is refused, too', async () => {
    answering(() => Response.json({ detail: 'expired' }, { status: 401 }))
    const failure = {
      exitCode: EXIT.failure,
      message: expect.stringContaining(`${origin}/fhir: 401 expired: the token`),
    }
    await expect(send(tokens())).rejects.toMatchObject(failure)
    expect(sent).toHaveLength(2)
  })

  it('is sent once where there can be no other', async () => {
    answering(status(401))
    const given = cachedToken(async () => ({ token: 'given', expiresInSeconds: Number.POSITIVE_INFINITY }))
    await expect(send(given)).rejects.toMatchObject({ exitCode: EXIT.failure })
    expect(sent).toHaveLength(1)
  })

  it('ends the import where there is none', async () => {
    answering(stored)
    await expect(send(() => Promise.reject(new Error('no token')))).rejects.toThrow('no token')
    expect(sent).toHaveLength(0)
  })
})

describe('what passes', () => {
  it.each(['429 Too Many Requests', '502 Bad Gateway', '503 Service Unavailable', '504 Gateway Timeout'])(
    'is an entry’s %s: the same is sent again under the same key',
    async (passing) => {
      answering(entries('201 Created', passing), stored)
      expect(await send(tokens())).toEqual({
        locations: ['Patient/0/_history/1', 'Patient/1/_history/1'],
        reason: null,
      })
      expect(told('idempotency-key')).toEqual(['a1', 'a1'])
    },
  )

  it('ends the import where it stays, for the whole as for an entry', async () => {
    answering(entries('422 Unprocessable Entity', '503 Service Unavailable'))
    await expect(send(tokens())).rejects.toMatchObject({ exitCode: EXIT.unreachable, message: `${origin}/fhir: 503` })
    expect(sent).toHaveLength(8)
    answering(status(429))
    await expect(send(tokens())).rejects.toMatchObject({ exitCode: EXIT.unreachable, message: `${origin}/fhir: 429` })
  })

  it('is a token that ended between two entries', async () => {
    answering(entries('201 Created', '401 Unauthorized'), stored)
    expect(await send(tokens())).toMatchObject({ reason: null })
    expect(told('authorization')).toEqual(['Bearer t1', 'Bearer t2'])
  })

  it('is not what an entry is refused for', async () => {
    answering(entries('201 Created', '422 Unprocessable Entity'))
    const reason = '1 of 2 entries refused, first entry 1: 422 Unprocessable Entity'
    expect(await send(tokens())).toEqual({ locations: ['Patient/0/_history/1'], reason })
    expect(sent).toHaveLength(1)
  })
})
