import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDataDir } from '@careseal/stack'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { contextOf, demoToken } from './context.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-context-'))
  openDataDir(folder).writeJson('state.json', { logins: [{ name: 'lab', clientId: 'client', role: 'system' }] })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

const TOKEN = 'e30.e30.c2ln'
const context = () => contextOf({ dataDir: folder, origin: 'http://ledger.example' })
const ask = () => demoToken(context(), 'lab')
const askThrice = () => demoToken(context(), 'lab', { attempts: 3 })
const answering = (status: number, body: unknown) =>
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json(body, { status }))

describe('a token of a demo login', () => {
  it('is what the authorisation server gives', async () => {
    answering(200, { access_token: TOKEN, expires_in: 300 })
    expect(await ask()).toMatchObject({ token: TOKEN, expiresInSeconds: 300 })
  })

  it.each([{}, { access_token: null }, { access_token: 7 }, { access_token: {} }])(
    'is none where the answer is %j',
    async (body) => {
      answering(200, body)
      const line = 'http://ledger.example/auth/token answered without a token: is this the address of a ledger?'
      await expect(ask()).rejects.toThrow(line)
    },
  )

  it.each([429, 502, 503, 504])('ends with 4 where the answer is %i', async (status) => {
    answering(status, { error: 'away' })
    await expect(ask()).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining(`${status} away`) })
  })

  it('ends with 4 where no answer comes in time', async () => {
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(new DOMException('timeout', 'TimeoutError'))
    await expect(ask()).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('http://ledger.example does not answer'),
    })
  })

  it('is asked for again while nobody answers, as often as was said', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const fetched = answering(200, { access_token: TOKEN, expires_in: 300 })
    fetched.mockImplementationOnce(async () => Response.json({}, { status: 503 }))
    fetched.mockRejectedValueOnce(new TypeError('fetch failed'))
    expect(await askThrice()).toMatchObject({ token: TOKEN })
    fetched.mockImplementation(async () => Response.json({}, { status: 504 }))
    await expect(askThrice()).rejects.toMatchObject({ exitCode: 4 })
    expect(fetched).toHaveBeenCalledTimes(6)
  })

  it('is asked for once where that is refused', async () => {
    const fetched = answering(400, { error: 'invalid_scope' })
    await expect(askThrice()).rejects.toThrow('invalid_scope')
    expect(fetched).toHaveBeenCalledTimes(1)
  })

  it('keeps the reason of a refusal', async () => {
    answering(400, { error: 'invalid_scope' })
    await expect(ask()).rejects.toThrow('no token for client: 400 invalid_scope')
  })
})
