import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cosignedAt, TestLog } from './test-log.js'
import { NAME, WitnessUnderTest, type Reply } from './witness-under-test.js'

// Generous: processes start slowly where much else runs.
const LONG = { timeout: 120_000 }

const log = new TestLog('ledger.example.org/one')
const other = new TestLog('ledger.example.org/other', 2)
const logs = [log, other].map(({ origin, vkey }) => ({ origin, vkeys: [vkey] }))
const hashOf = (origin: string) => createHash('sha256').update(origin).digest('hex')

async function add(witness: WitnessUnderTest, asked: Parameters<TestLog['request']>[0], by = log): Promise<Reply> {
  return witness.addCheckpoint(await by.request(asked))
}

describe('a witness over HTTP', LONG, () => {
  let witness: WitnessUnderTest
  let vkeys: string[]

  beforeEach(async () => {
    witness = new WitnessUnderTest({ logs })
    vkeys = await witness.init()
    await witness.start()
    return () => witness.remove()
  })

  it('co-signs a growing tree, each log for itself, and serves what it co-signed last', async () => {
    expect(await witness.get(`/${hashOf(log.origin)}/checkpoint`)).toMatchObject({ status: 404 })
    for (const [from, size] of [
      [0, 1],
      [1, 7],
      [7, 300],
    ] as const) {
      const note = await log.checkpoint({ size })
      const answer = await add(witness, { from, size })
      expect(answer).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' })
      expect(answer.body).toMatch(new RegExp(`^— ${NAME} [A-Za-z0-9+/]{102}==\n$`))
      expect(await cosignedAt(note + answer.body, vkeys)).toHaveLength(1)
      const served = await witness.get(`/${hashOf(log.origin)}/checkpoint`)
      expect(served).toMatchObject({ status: 200, body: note + answer.body })
    }
    expect(await add(witness, { size: 4 }, other)).toMatchObject({ status: 200 })
  })

  it('answers 409 with the size that it knows, in the type that clients look for', async () => {
    await add(witness, { size: 7 })
    for (const from of [0, 3, 8]) {
      const answer = await add(witness, { from, size: 9 })
      expect(answer).toMatchObject({ status: 409, type: 'text/x.tlog.size', body: '7\n' })
    }
  })

  it('has a status of its own for each thing that is wrong', async () => {
    await add(witness, { size: 7 })
    expect(await witness.addCheckpoint('nothing')).toMatchObject({ status: 400 })
    expect(await add(witness, { size: 9, origin: 'nobody.example' })).toMatchObject({ status: 404 })
    expect(await add(witness, { size: 9, from: 7 }, new TestLog(log.origin, 3))).toMatchObject({ status: 403 })
    expect(await add(witness, { size: 7, from: 9 })).toMatchObject({ status: 400 })
    expect(await add(witness, { size: 7, from: 7, salt: 1 })).toMatchObject({ status: 422 })
    expect(await add(witness, { size: 9, from: 7, proof: [] })).toMatchObject({ status: 422 })
    expect(await add(witness, { size: 9, from: 7 })).toMatchObject({ status: 200 })
  })

  it('signs the same tree again with a time that never goes back', async () => {
    const note = await log.checkpoint({ size: 7 })
    const times: number[] = []
    for (const from of [0, 7, 7])
      times.push(...(await cosignedAt(note + (await add(witness, { from, size: 7 })).body, vkeys)))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    await witness.end()
    const file = join(witness.stateDir, 'logs', `${hashOf(log.origin)}.json`)
    const memory = JSON.parse(readFileSync(file, 'utf8')) as { time: number }
    const ahead = JSON.stringify({ ...memory, time: memory.time + 5000 })
    writeFileSync(file, ahead)
    await witness.start()
    const again = await cosignedAt(note + (await add(witness, { from: 7, size: 7 })).body, vkeys)
    expect(again).toEqual([memory.time + 5000])
  })

  it('lets one of many requests at once win, and tells the others', async () => {
    const sizes = [5, 6, 7, 8, 9, 10, 11, 12]
    const answers = await Promise.all(sizes.map((size) => add(witness, { size })))
    const won = sizes.filter((_, i) => answers[i]!.status === 200)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409).map(({ body }) => body)).toEqual(Array(7).fill(`${won[0]}\n`))
  })

  it('has made durable what it answered: a kill after the answer forgets nothing', async () => {
    for (const [from, size] of [
      [0, 3],
      [3, 8],
      [8, 9],
    ] as const) {
      const answer = await add(witness, { from, size })
      await witness.end('SIGKILL')
      await witness.start()
      const served = await witness.get(`/${hashOf(log.origin)}/checkpoint`)
      expect(served.body).toBe((await log.checkpoint({ size })) + answer.body)
      expect(await add(witness, { size: 20 })).toMatchObject({ status: 409, body: `${size}\n` })
    }
  })

  it('killed at any moment, never answers what its successor does not know', async () => {
    let known = 0
    for (let round = 0; round < 6; round++) {
      const answered: number[] = []
      let size = known
      const asking = (async () => {
        for (; ; size = answered.at(-1)!) {
          const next = size + 1 + (size % 3)
          const { status } = await add(witness, { from: size, size: next })
          if (status !== 200) return
          answered.push(next)
        }
      })().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 20 + 37 * round))
      await witness.end('SIGKILL')
      await asking
      await witness.start()
      const { status, body } = await witness.get(`/${hashOf(log.origin)}/checkpoint`)
      known = status === 404 ? 0 : Number(body.split('\n')[1])
      expect(known).toBeGreaterThanOrEqual(answered.at(-1) ?? 0)
    }
    expect(known).toBeGreaterThan(0)
  })

  it('takes a body of the limit and no longer one', async () => {
    witness.configure({ bodyBytesMax: 2048 })
    await witness.end()
    await witness.start()
    expect(await witness.addCheckpoint('x'.repeat(2048))).toMatchObject({ status: 400 })
    expect(await witness.addCheckpoint('x'.repeat(2049))).toMatchObject({ status: 413 })
    expect(await chunked(witness.url, 'x'.repeat(5000))).toBe(413)
  })

  it('lets pages of any origin ask, or of those that it is told', async () => {
    const ask = (origin: string) => witness.get('/add-checkpoint', { method: 'OPTIONS', headers: { origin } })
    expect((await ask('https://page.example')).headers.get('access-control-allow-origin')).toBe('*')
    witness.configure({ cors: ['https://page.example'] })
    await witness.end()
    await witness.start()
    const preflight = await ask('https://page.example')
    expect(preflight).toMatchObject({ status: 204 })
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://page.example')
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
    expect((await ask('https://stranger.example')).headers.get('access-control-allow-origin')).toBe(null)
  })

  it('answers 429 beyond the rate, and goes on answering whether it lives', async () => {
    witness.configure({ requestsPerMinute: 5 })
    await witness.end()
    await witness.start()
    const statuses = []
    for (let i = 0; i < 7; i++) statuses.push((await witness.get('/evidence')).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    const limited = await witness.get('/evidence')
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await witness.get('/livez')).toMatchObject({ status: 200 })
    expect(await witness.get('/readyz')).toMatchObject({ status: 200 })
  })

  it('ends when it is asked to, with exit code 0, and finishes what is under way', async () => {
    const body = await log.request({ size: 7 })
    const slow = new Promise<number>((resolve, reject) => {
      const sent = request(`${witness.url}/add-checkpoint`, { method: 'POST' }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
      sent.on('error', reject)
      sent.write(body.slice(0, 40))
      setTimeout(() => sent.end(body.slice(40)), 500)
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const ended = witness.end()
    expect(await slow).toBe(200)
    expect(await ended).toBe(0)
  })

  it('raises no alarm for a client that breaks off', async () => {
    const sent = request(`${witness.url}/add-checkpoint`, { method: 'POST', headers: { 'content-length': '1000' } })
    sent.on('error', () => {})
    sent.write('old 0\n')
    await new Promise((resolve) => setTimeout(resolve, 300))
    sent.destroy()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(witness.lines.filter(({ alarm }) => alarm)).toEqual([])
    expect(await add(witness, { size: 7 })).toMatchObject({ status: 200 })
  })

  it('tells in its metrics what it answered and how far it co-signed', async () => {
    await add(witness, { size: 7 })
    await add(witness, { size: 9 })
    const { body, type } = await witness.get('/metrics')
    expect(type).toContain('version=0.0.4')
    expect(body).toContain('witness_answers_total{status="200",code="co-signed"} 1')
    expect(body).toContain('witness_answers_total{status="409",code="size-conflict"} 1')
    expect(body).toContain(`witness_cosigned_size{origin="${log.origin}"} 7`)
  })

  it('answers 404 and 405 to what it does not have', async () => {
    expect(await witness.get('/nothing')).toMatchObject({ status: 404 })
    expect(await witness.get('/add-checkpoint')).toMatchObject({ status: 405 })
    expect(await witness.get('/evidence', { method: 'DELETE' })).toMatchObject({ status: 405 })
    expect(await witness.get(`/${hashOf(log.origin)}/tile/0/000`)).toMatchObject({ status: 404 })
    expect((await witness.get('/livez', { method: 'HEAD' })).status).toBe(200)
  })
})

const vectors = join(import.meta.dirname, '../../../../shared/vectors/witness-add-checkpoint.json')

describe.skipIf(!existsSync(vectors))('the published conversation', LONG, () => {
  type Step = { name: string; body: string; status: number; body_contains: string }
  let witness: WitnessUnderTest
  const published = existsSync(vectors)
    ? (JSON.parse(readFileSync(vectors, 'utf8')) as {
        log_origin: string
        log_vkey: string
        witness_name: string
        steps: Step[]
      })
    : null

  beforeAll(async () => {
    const { log_origin: origin, log_vkey, witness_name: name } = published!
    witness = new WitnessUnderTest({ name, logs: [{ origin, vkeys: [log_vkey] }] })
    await witness.init()
    await witness.start()
  })
  afterAll(() => witness?.remove())

  it('is answered over HTTP as it is published', async () => {
    for (const step of published!.steps) {
      const { status, body } = await witness.addCheckpoint(step.body)
      expect([step.name, status]).toEqual([step.name, step.status])
      const told = status === 200 || status === 409 ? body : step.body_contains
      expect(told).toContain(step.body_contains)
    }
  })
})

/** A body whose length nobody announced. */
function chunked(url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/add-checkpoint`, { method: 'POST' }, (response) => {
      response.resume()
      resolve(response.statusCode!)
    })
    sent.on('error', reject)
    sent.write(body.slice(0, 1000))
    sent.end(body.slice(1000))
  })
}
