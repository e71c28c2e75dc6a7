// The examples in the READMEs of the two packages: compiled against what is published, and run; only the ports, and
// where a file lies, are the test's.
import { connectNats, ensureStreams, publishEvents, request } from '@careseal/messaging'
import { startNats } from '@careseal/stack'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const world = new ConsumingWorld([{ name: 'billing', types: ['ConsentGranted', 'ConsentRevoked'] }])
const consent = new TestProducer('consent')
let folder: string
let nats: Awaited<ReturnType<typeof startNats>>

// Below the repository, where Node and TypeScript find the packages as a dependent of them would.
beforeAll(async () => {
  mkdirSync(join(REPOSITORY, 'tmp'), { recursive: true })
  folder = mkdtempSync(join(REPOSITORY, 'tmp', 'readme-'))
  await world.start()
  world.answer(consent)
  nats = await startNats()
  writeFileSync(join(folder, 'client.ts'), exampleOf('client').replace('nats://127.0.0.1:4222', world.nats.url))
  const nest = exampleOf('nest-jetstream').replace('nats://127.0.0.1:4222', nats.url).replace('7104', '0')
  writeFileSync(join(folder, 'nest.ts'), nest)
  compile()
}, 120_000)

afterAll(async () => {
  await world.stop()
  await nats?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function exampleOf(library: string): string {
  const readme = readFileSync(join(REPOSITORY, 'libs', library, 'README.md'), 'utf8')
  const example = /## Smallest example\n\n```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (example === undefined) throw new Error(`the README of ${library} has no smallest example`)
  return example
}

function compile(): void {
  const compilerOptions = { customConditions: [], composite: false, declaration: false, declarationMap: false }
  const config = { extends: join(REPOSITORY, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  execFileSync(join(REPOSITORY, 'node_modules', '.bin', 'tsc'), ['-p', folder], { stdio: 'pipe' })
}

function run(program: string): { child: ChildProcess; lines: () => string[] } {
  const child = spawn(process.execPath, [`${program}.js`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  return { child, lines: () => stdout.split('\n').filter((line) => /^consent \d+ /.test(line)) }
}

async function end(child: ChildProcess): Promise<number | null> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
  return child.exitCode
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 100 })

describe('the smallest example', () => {
  it('of the client prints what was revoked, keeps its position, and ends in order', async () => {
    copyFileSync(world.seedFile('billing'), join(folder, 'nats-billing.nk'))
    await world.publish(consent, consent.add(['ConsentGranted', 'ConsentRevoked']))
    const { child, lines } = run('client')
    await until(() => expect(lines()).toHaveLength(1))
    expect(lines()[0]).toMatch(/^consent 2 \S+$/)
    expect(await end(child)).toBe(0)
    expect(JSON.parse(readFileSync(join(folder, 'position.json'), 'utf8'))).toEqual({ consent: consent.head })
  }, 60_000)

  it('of nest-jetstream prints what was revoked, acknowledges it, and answers a command', async () => {
    const nc = await connectNats({ url: nats.url, name: 'spec' })
    await ensureStreams(nc, true)
    const producer = new TestProducer('consent')
    await publishEvents(nc, producer.add(['ConsentRevoked']))
    const { child, lines } = run('nest')
    await until(() => expect(lines()).toHaveLength(1))
    expect(lines()[0]).toMatch(/^consent 1 \S+$/)
    const id = '00000000-0000-4000-8000-000000000001'
    const question = {
      caller: { accountId: id, clientId: 'c', role: 'patient' as const, scopes: [] },
      patientIds: [id],
      action: 'read' as const,
      types: ['Patient'],
      purpose: 'TREAT' as const,
    }
    const answer = await request(nc, 'audit', 'decide-access', question, { deadlineMs: 5000 })
    expect(answer).toEqual({ decisions: [] })
    await end(child)
    await nc.close()
  }, 60_000)
})
