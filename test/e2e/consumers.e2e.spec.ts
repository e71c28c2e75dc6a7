// A service of somebody else, from its registration to its removal, on a running ledger.
import { consume, httpClient, proveLeaves, verifyReceipt, type Consumer } from '@careseal/client'
import { HTTP_ANSWERS } from '@careseal/contracts'
import { sha256 } from '@careseal/crypto'
import { ED25519, formatVkey, vkeyOf } from '@careseal/ledger-core'
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  careseal,
  caresealOk,
  REPOSITORY,
  tokenOf,
  UP_DEADLINE_MS,
  upDetached,
  type Detached,
} from '../support/careseal.js'
import { claimsOf, grantOf } from '../support/fhir.js'

type Added = { nats: string; seedFile: string }

const SUBJECT = '00000000-0000-4000-8000-0000000000aa'
let ledger: Detached & { down: () => Promise<void> }
let billing: Added
const at = (...args: string[]) => [...args, '--data-dir', ledger.dataDir]
const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 200 })

beforeAll(async () => {
  ledger = await upDetached()
}, UP_DEADLINE_MS)
afterAll(() => ledger?.down())

/** The broker takes a new user up in a moment. */
async function consumeSoon(added: Added, options: Partial<Parameters<typeof consume<'PatientAccountOpened'>>[0]>) {
  return vi.waitFor(
    () =>
      consume({
        nats: { url: added.nats, seedFile: added.seedFile },
        durable: 'billing',
        types: ['PatientAccountOpened'],
        from: 'beginning',
        onEvent: () => undefined,
        ...options,
      }),
    { timeout: 30_000, interval: 500 },
  )
}

async function logVkey(): Promise<string> {
  const vkeys = await (await fetch(`${ledger.origin}/ledger/vkey`)).text()
  return vkeys.split('\n')[0] as string
}

function strangersVkey(): string {
  const publicKey = new Uint8Array(32).fill(7)
  return formatVkey(vkeyOf(sha256, { name: 'stranger.example/log', type: ED25519, publicKey }))
}

describe('a consumer', () => {
  let running: Consumer

  it('is added by one command, and reads what it was granted from the beginning, completed by the services', async () => {
    const args = ['consumer', 'add', 'billing', '--types', 'PatientAccountOpened', '--recipient', '--json']
    billing = JSON.parse(await caresealOk(at(...args))) as Added
    const seen: string[] = []
    const troubles: unknown[] = []
    running = await consumeSoon(billing, {
      onEvent: ({ type }) => void seen.push(type),
      onTrouble: ({ error }) => void troubles.push(error),
      forget: async (subjectIds) => subjectIds.length,
    })
    await until(() => expect(seen.length).toBeGreaterThan(0))
    expect(new Set(seen)).toEqual(new Set(['PatientAccountOpened']))
    await until(() => expect(running.status().position['identity']?.seq).toBeGreaterThan(seen.length))
    expect(troubles).toEqual([])
  })

  it('is handed an event only when its leaf is proved to be on the ledger, if it says so', async () => {
    await running.stop()
    const seen: number[] = []
    const troubles: string[] = []
    const options = {
      onEvent: (_event: object, { seq }: { seq: number }) => void seen.push(seq),
      onTrouble: ({ error }: { error: unknown }) => void troubles.push(String(error)),
      forget: async (subjectIds: readonly string[]) => subjectIds.length,
    }
    const stranger = { logVkeys: [strangersVkey()] }
    const refused = await consumeSoon(billing, {
      ...options,
      prove: proveLeaves({ url: ledger.origin, trusted: stranger }),
    })
    await until(() => expect(troubles.join()).toContain('no-known-signature'))
    await refused.stop()
    expect(seen).toEqual([])
    const trusted = { logVkeys: [await logVkey()] }
    running = await consumeSoon(billing, { ...options, prove: proveLeaves({ url: ledger.origin, trusted }) })
    await until(() => expect(seen.length).toBeGreaterThan(0))
  })

  it('that keeps personal data acknowledges erasures, and the operator sees when it has not', async () => {
    const erase = at('keys', 'destroy', `Patient/${SUBJECT}`, '--yes', '--json')
    const done = JSON.parse(await caresealOk(erase)) as { recipients: object[] }
    expect(done.recipients).toEqual([{ recipient: 'billing', forgotten: 1 }])
    await running.stop()
    const second = await careseal(at('keys', 'destroy', `Patient/${SUBJECT.replace('aa', 'ab')}`, '--yes'))
    expect(second.code).not.toBe(0)
    expect(second.stdout).toContain('billing: NOT acknowledged')
    expect(await caresealOk(at('consumer', 'list'))).toContain('1 erasures NOT acknowledged')
  })

  it('keeps its duty to acknowledge when its types change, until that is ended by name', async () => {
    const add = at('consumer', 'add', 'billing', '--types', 'PatientAccountOpened')
    expect(await caresealOk(add)).toContain('must acknowledge erasures')
    expect(await caresealOk(at('consumer', 'list'))).toContain('1 erasures NOT acknowledged')
    const ended = await careseal([...add, '--no-recipient'])
    expect(ended.stdout).toContain('is told of no erasure')
    expect(ended.stderr).toContain('billing never acknowledged 1 erasures')
  })

  it('reads nothing any more once it is removed', async () => {
    // Whoever was removed still has a copy of the seed.
    const seedFile = join(ledger.dataDir, 'kept-by-billing.nk')
    copyFileSync(billing.seedFile, seedFile)
    await caresealOk(at('consumer', 'remove', 'billing'))
    expect(await caresealOk(at('consumer', 'list'))).toContain('no consumers')
    const nats = { url: billing.nats, seedFile }
    const options = { nats, durable: 'billing', types: ['PatientAccountOpened'] as const, onEvent: () => undefined }
    await vi.waitFor(() => expect(consume(options)).rejects.toThrow(/authorization/i), 30_000)
    const unknown = await careseal(at('consumer', 'remove', 'billing'))
    expect([unknown.code, unknown.stderr.includes('no consumer billing')]).toEqual([2, true])
  })

  it('is refused under a name of Careseal itself, or for types that do not exist', async () => {
    for (const args of [
      ['consumer', 'add', 'audit', '--types', 'ConsentGranted'],
      ['consumer', 'add', 'billing', '--types', 'ConsentUpdated'],
    ]) {
      expect((await careseal(at(...args))).code).toBe(2)
    }
  })
})

const BROWSER = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium'].find((path) => existsSync(path))

describe('the HTTP client', () => {
  it('calls a route by its description, and tells a refusal by its code', async () => {
    const call = httpClient({ origin: ledger.origin, token: () => tokenOf(ledger.dataDir, 'operator') })
    const { status, body } = await call('GET /auth/patients', { query: { limit: 1 } })
    expect([status, typeof body]).toEqual([200, 'object'])
    const refused = httpClient({ origin: ledger.origin })('GET /auth/patients', {})
    await expect(refused).rejects.toMatchObject({ status: 401, name: 'HttpFailure' })
  })
})

describe('a described answer', () => {
  type Loose = {
    id: string
    meta: { versionId: string }
    entry: { resource: Loose }[]
    accesses: { receipt: string }[]
  }

  // Asked for once: they live five minutes.
  const tokens = new Map<string, Promise<string>>()
  const tokenFor = (login: string) => {
    const token = tokens.get(login) ?? tokenOf(ledger.dataDir, login)
    tokens.set(login, token)
    return token
  }

  async function answerTo(login: string | null, route: string, path: string, body?: object): Promise<Loose> {
    const token = login === null ? null : await tokenFor(login)
    const response = await fetch(ledger.origin + path, {
      method: route.split(' ')[0] as string,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    expect([route, response.ok], text).toEqual([route, true])
    const { contentType, schema } = HTTP_ANSWERS[route]!
    expect(response.headers.get('content-type'), route).toContain(contentType)
    const answer: unknown = contentType === 'text/plain' ? text : JSON.parse(text)
    const parsed = schema.safeParse(answer)
    expect([route, parsed.error?.issues], text.slice(0, 2000)).toEqual([route, undefined])
    return answer as Loose
  }

  it.each([
    ['operator', 'GET /auth/members', '/auth/members?names=true'],
    ['operator', 'GET /auth/practitioners', '/auth/practitioners'],
    ['operator', 'GET /auth/patients', '/auth/patients?names=true'],
    ['operator', 'GET /auth/staff', '/auth/staff'],
    ['operator', 'GET /auth/clients', '/auth/clients'],
    [null, 'GET /auth/jwks', '/auth/jwks'],
    [null, 'GET /auth/.well-known/openid-configuration', '/auth/.well-known/openid-configuration'],
    [null, 'GET /auth/.well-known/oauth-authorization-server', '/auth/.well-known/oauth-authorization-server'],
    [null, 'GET /fhir/metadata', '/fhir/metadata'],
    [null, 'GET /fhir/.well-known/smart-configuration', '/fhir/.well-known/smart-configuration'],
    [null, 'GET /ledger/checkpoint', '/ledger/checkpoint'],
    [null, 'GET /ledger/vkey', '/ledger/vkey'],
    [null, 'GET /ledger/proof/tlog', '/ledger/proof/tlog?index=1'],
  ])('is what it says: %s %s', async (login, route, path) => {
    expect(await answerTo(login, route, path)).toBeTruthy()
  })

  it('is what it says of records, consents and accesses', async () => {
    const found = await answerTo('patient-1', 'GET /fhir/{type}', '/fhir/Observation?_count=1')
    const { id, meta } = found.entry[0]!.resource
    const observation = `/fhir/Observation/${id}`
    await answerTo('patient-1', 'GET /fhir/{type}/{id}', observation)
    await answerTo('patient-1', 'GET /fhir/{type}/{id}/_history', `${observation}/_history`)
    await answerTo(
      'patient-1',
      'GET /fhir/{type}/{id}/_history/{versionId}',
      `${observation}/_history/${meta.versionId}`,
    )
    const receipt = `${observation}/_history/${meta.versionId}/$receipt`
    await answerTo('patient-1', 'GET /fhir/{type}/{id}/_history/{versionId}/$receipt', receipt)
    const { patientId: patient } = claimsOf(await tokenFor('patient-1'))
    const given = await answerTo('patient-1', 'POST /fhir/Consent', '/fhir/Consent', grantOf(patient as string, {}))
    const consent = `/fhir/Consent/${given.id}`
    await answerTo('patient-1', 'GET /fhir/Consent', '/fhir/Consent')
    await answerTo('patient-1', 'GET /fhir/Consent/{id}', consent)
    await answerTo('patient-1', 'PUT /fhir/Consent/{id}', consent, { ...given, status: 'inactive' })
    await answerTo('patient-1', 'GET /fhir/Consent/{id}/_history', `${consent}/_history`)
    const accesses = `/audit/patients/${patient}/accesses`
    const route = 'GET /audit/patients/{patientId}/accesses'
    const page = await vi.waitFor(async () => {
      const answer = await answerTo('patient-1', route, `${accesses}?count=5`)
      expect(answer.accesses).toHaveLength(5)
      return answer
    }, 30_000)
    await answerTo('patient-1', `${route}/{eventId}/receipt`, page.accesses[4]!.receipt)
    const events = await answerTo(
      'patient-1',
      'GET /fhir/AuditEvent',
      `/fhir/AuditEvent?patient=Patient/${patient}&_count=1`,
    )
    await answerTo('patient-1', 'GET /fhir/AuditEvent/{id}', `/fhir/AuditEvent/${events.entry[0]!.resource.id}`)
  })
})

describe('a receipt', () => {
  let receipt: string
  let vkey: string

  beforeAll(async () => {
    const token = await tokenOf(ledger.dataDir, 'patient-1')
    const headers = { authorization: `Bearer ${token}` }
    const found = await (await fetch(`${ledger.origin}/fhir/Observation?_count=1`, { headers })).json()
    const [first] = (found as { entry: { resource: { id: string } }[] }).entry
    receipt = await caresealOk(at('receipt', 'get', `Observation/${first?.resource.id}`, '--as', 'patient-1'))
    vkey = await logVkey()
  })

  it('verifies under a key that is trusted, and under no other', async () => {
    expect(await verifyReceipt(receipt, { logVkeys: [vkey] })).toMatchObject({ ok: true, type: 'RecordVersionAdded' })
    const altered = receipt.replace(/"opening":"(.)/, (_all, digit) => `"opening":"${digit === '0' ? '1' : '0'}`)
    expect(await verifyReceipt(altered, { logVkeys: [vkey] })).toEqual({ ok: false, reason: 'commitment-wrong' })
  })

  it.skipIf(BROWSER === undefined)('verifies in a browser by the same code', async () => {
    const browser = await chromium.launch({ executablePath: BROWSER as string, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      await page.goto(`${ledger.origin}/ledger/status`)
      await page.evaluate(await browserBundle())
      const verdict = await page.evaluate(
        ([text, key]) => {
          const { verifyReceipt: verify } = (
            globalThis as unknown as { careseal: { verifyReceipt: typeof verifyReceipt } }
          ).careseal
          return verify(text as string, { logVkeys: [key as string] })
        },
        [receipt, vkey],
      )
      expect(verdict).toMatchObject({ ok: true, type: 'RecordVersionAdded' })
    } finally {
      await browser.close()
    }
  })
})

async function browserBundle(): Promise<string> {
  const entry = join(REPOSITORY, 'libs', 'client', 'dist', 'receipts.js')
  const lib = { entry, formats: ['iife' as const], name: 'careseal' }
  const built = await build({ configFile: false, logLevel: 'silent', build: { write: false, minify: false, lib } })
  const [output] = Array.isArray(built) ? built : [built]
  const [chunk] = (output as { output: { code: string }[] }).output
  return `${chunk?.code}\nglobalThis.careseal = careseal`
}
