// The test kit as another service's tests use it: two ledgers at once, a part of the services, consumers, and its end.
import { consume } from '@careseal/client'
import { createCaresealStack, TestKitError, type CaresealStack } from '@careseal/test-kit'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { UP_DEADLINE_MS } from '../support/careseal.js'

const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 100 })
const told: string[] = []
const log = (line: string) => void told.push(line)

let whole: CaresealStack
let part: CaresealStack
beforeAll(async () => {
  const consumers = { billing: ['PatientAccountOpened'] } as const
  ;[whole, part] = await Promise.all([
    createCaresealStack({ mode: 'native', patients: 2, consumers, log }),
    createCaresealStack({ mode: 'native', services: ['identity'], log }),
  ])
}, UP_DEADLINE_MS)
afterAll(() => Promise.all([whole, part].map((stack) => stack?.[Symbol.asyncDispose]())))

async function read(stack: CaresealStack, login: string, path: string): Promise<Response> {
  const authorization = `Bearer ${await stack.token(login)}`
  return fetch(`${stack.origin}/fhir/${path}`, { headers: { authorization }, signal: AbortSignal.timeout(20_000) })
}

/** Resolves to the types of the first events that this consumer is handed. */
async function firstEvents(stack: CaresealStack, name: string, count: number): Promise<string[]> {
  const types: string[] = []
  const troubles: unknown[] = []
  await using consumer = await consume({
    ...stack.consumer(name),
    from: 'beginning',
    onEvent: ({ type }) => void types.push(type),
    onTrouble: ({ error }) => void troubles.push(error),
  })
  await until(() => expect(types.length, String(troubles)).toBeGreaterThanOrEqual(count))
  expect(consumer.status().contradictions).toEqual({})
  return types
}

/** Every process whose command line or environment names this folder. */
function processesOf(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  return pids.filter((pid) => ['cmdline', 'environ'].some((file) => contentOf(`/proc/${pid}/${file}`).includes(folder)))
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

describe('a stack of the test kit', () => {
  it('says where it runs and why, and how long it took', () => {
    expect([whole.mode, whole.reason]).toEqual(['native', 'asked for'])
    expect(told).toContain('native (asked for)')
    expect(told.join('\n')).toMatch(/ready after [\d.]+ s at http:\/\/localhost:\d+/)
  })

  it('has patients that read themselves and nobody else with their token', async () => {
    const [first, second] = whole.patients
    expect(whole.patients.map(({ login }) => login)).toEqual(['patient-1', 'patient-2'])
    const response = await read(whole, 'patient-1', `Patient/${first?.id}`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ resourceType: 'Patient', id: first?.id })
    expect((await read(whole, 'patient-1', `Patient/${second?.id}`)).status).toBe(404)
  })

  it('has a token for each of its logins, and names them where one is asked for that it has not', async () => {
    expect(whole.logins).toEqual(expect.arrayContaining(['operator', 'hospital', 'lab', 'auditor', 'clinician']))
    for (const login of whole.logins) expect((await whole.token(login)).split('.')).toHaveLength(3)
    await expect(whole.token('surgeon')).rejects.toThrow(/no login surgeon; there are operator/)
  })

  it('hands a consumer of the options the events that it was granted, what was seeded included', async () => {
    expect(await firstEvents(whole, 'billing', 2)).toEqual(['PatientAccountOpened', 'PatientAccountOpened'])
  })

  it('takes up another consumer while it runs, and says which there are', async () => {
    await whole.addConsumer('research', ['RecordVersionAdded'])
    expect(new Set(await firstEvents(whole, 'research', 3))).toEqual(new Set(['RecordVersionAdded']))
    expect(() => whole.consumer('nobody')).toThrow(/no consumer "nobody" \(there are: billing, research\)/)
  })

  it('seals what was written', async () => {
    await whole.untilSealed()
    const checkpoint = await (await fetch(`${whole.origin}/ledger/checkpoint`)).text()
    expect(Number(checkpoint.split('\n')[1])).toBeGreaterThan(0)
  })

  it('beside another shares neither ports nor data with it', async () => {
    const ports = [whole, part].flatMap(({ origin, nats, postgres }) =>
      [origin, nats.url, postgres.url].map((url) => new URL(url).port),
    )
    expect(new Set(ports).size).toBe(6)
    expect(whole.dataDir).not.toBe(part.dataDir)
    expect((await read(part, 'operator', 'metadata')).status).toBe(503)
  })

  it('of some services starts these and what they need, and no other', async () => {
    expect(Object.keys(part.services)).toEqual(['identity', 'ledger-sequencer'])
    expect(part.patients).toEqual([])
    expect(await (await fetch(`${part.origin}/auth/jwks`)).json()).toHaveProperty('keys')
    await part.untilSealed()
  })

  it('shows the last lines of every service, and keeps the logs when a test asks for it', async () => {
    expect(whole.logs(5)).toMatch(/--- records\.log\n.*\{"level"/s)
    const kept = part.keepLogs()
    await part[Symbol.asyncDispose]()
    expect(readFileSync(join(kept, 'identity.log'), 'utf8')).toContain('"service":"identity"')
    rmSync(kept, { recursive: true })
  })

  it('leaves no process and no folder when it is disposed of, whatever has died before', async () => {
    const { dataDir, services, postgres, nats } = whole
    expect(processesOf(dataDir).length).toBeGreaterThanOrEqual(7)
    await Promise.all([services.records?.kill(), postgres.kill(), nats.kill()])
    await whole[Symbol.asyncDispose]()
    await whole[Symbol.asyncDispose]()
    expect(existsSync(dataDir)).toBe(false)
    await until(() => expect(processesOf(dataDir)).toEqual([]))
  })
})

describe('a stack that cannot start', () => {
  it('says which service does not, with the end of its log, and keeps the logs', async () => {
    const before = new Set(readdirSync(tmpdir()))
    const env = { DRAIN_DEADLINE_MS: 'soon' }
    const failure = await createCaresealStack({ mode: 'native', services: ['identity'], env, log }).catch(
      (e: unknown) => e,
    )
    expect(failure).toBeInstanceOf(TestKitError)
    const { code, message } = failure as TestKitError
    expect(code).toBe('start-failed')
    expect(message).toContain('--- identity.log')
    expect(message).toContain('DRAIN_DEADLINE_MS')
    const kept = /The logs are kept in (.*)/.exec(message)?.[1] ?? ''
    expect(readdirSync(kept)).toContain('identity.log')
    rmSync(kept, { recursive: true })
    const left = readdirSync(tmpdir()).filter(
      (name) => name.startsWith(`careseal-kit-${process.pid}-`) && !before.has(name),
    )
    expect(left).toEqual([])
  })
})
