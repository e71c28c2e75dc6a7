// A disk that refuses: what could not be made durable is not signed, and what was, is never forgotten.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { cosignedAt, TestLog } from './test-log.js'
import { WitnessUnderTest } from './witness-under-test.js'

// Generous: processes start slowly where much else runs.
const LONG = { timeout: 120_000 }

const log = new TestLog('ledger.example.org/one')
const logs = [{ origin: log.origin, vkeys: [log.vkey] }]

const canMount = process.getuid?.() === 0 && works('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt')
const canInject = works('strace', '-o', '/dev/null', '-e', 'inject=fsync:error=EIO', 'true')

function works(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let witness: WitnessUnderTest
let vkeys: string[]
const add = async (from: number, size: number) => witness.addCheckpoint(await log.request({ from, size }))

/** What it signed of this size stands in what it serves, also after a kill. */
async function expectKnown(size: number): Promise<void> {
  await witness.end('SIGKILL')
  await witness.start()
  expect(await witness.addCheckpoint(await log.request({ size: size + 40 }))).toMatchObject({
    status: 409,
    body: `${size}\n`,
  })
}

describe.skipIf(!canMount)('a witness whose disk is full', LONG, () => {
  beforeEach(async () => {
    witness = new WitnessUnderTest({ logs })
    mkdirSync(witness.stateDir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=131072,mode=0700', 'careseal-witness', witness.stateDir])
    vkeys = await witness.init()
    await witness.start()
    return async () => {
      await witness.end('SIGKILL')
      execFileSync('umount', ['-l', witness.stateDir])
      await witness.remove()
    }
  })

  it('refuses with 500, is not ready, signs nothing, and goes on when there is room', async () => {
    expect(await add(0, 5)).toMatchObject({ status: 200 })
    const ballast = join(witness.stateDir, 'ballast')
    fill(ballast)
    const refused = await add(5, 9)
    expect(refused).toMatchObject({ status: 500, body: expect.stringContaining('has signed nothing') })
    expect(refused.body).not.toContain('—')
    expect(await witness.get('/readyz')).toMatchObject({ status: 503 })
    expect((await witness.get('/metrics')).body).toContain('witness_store_failures_total 1')
    expect(await add(0, 60)).toMatchObject({ status: 409, body: '5\n' })
    expect(await witness.addCheckpoint(await log.request({ from: 5, size: 9, proof: [] }))).toMatchObject({
      status: 422,
    })
    expect(await witness.get('/readyz')).toMatchObject({ status: 503 })
    rmSync(ballast)
    const answer = await add(5, 9)
    expect(await cosignedAt((await log.checkpoint({ size: 9 })) + answer.body, vkeys)).toHaveLength(1)
    expect(await witness.get('/readyz')).toMatchObject({ status: 200 })
    await expectKnown(9)
  })

  it('tells evidence that it cannot store in its log, whole', async () => {
    await add(0, 5)
    fill(join(witness.stateDir, 'ballast'))
    const lie = await witness.addCheckpoint(await log.request({ from: 5, size: 5, salt: 1 }))
    expect(lie).toMatchObject({ status: 422 })
    expect(witness.lines.at(-1)).toMatchObject({ alarm: true, evidence: { kind: 'A', logKey: log.vkey } })
  })
})

describe.skipIf(!canInject)('a witness whose disk fails', LONG, () => {
  beforeEach(async () => {
    witness = new WitnessUnderTest({ logs })
    vkeys = await witness.init()
    // strace counts calls by thread: with one thread for files, the second fsync is that of the folder.
    await witness.start({ UV_THREADPOOL_SIZE: '1' })
    await add(0, 5)
    return () => witness.remove()
  })

  // Each is a step of replacing the memory: the file, the name, the folder.
  it.each([
    'fsync:error=EIO:when=1',
    'fsync:error=EIO:when=2',
    '?rename,?renameat,renameat2:error=EIO',
    'fsync:error=EIO',
  ])('at %s signs nothing meanwhile, and afterwards only what is durable', async (injection) => {
    const strace = await inject(witness.pid, injection)
    const refused = await add(5, 9)
    expect(refused).toMatchObject({ status: 500 })
    await stop(strace)
    // The failed write may have come through: the witness then says 9, and never signs another tree of this size.
    const conflict = await add(0, 60)
    expect(['5\n', '9\n']).toContain(conflict.body)
    const answer = await add(Number(conflict.body), 9)
    expect(await cosignedAt((await log.checkpoint({ size: 9 })) + answer.body, vkeys)).toHaveLength(1)
    await expectKnown(9)
  })
})

function fill(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const size of [4096, 1]) for (let took = size; took === size; took = writeSome(file, size));
  } finally {
    closeSync(file)
  }
}

function writeSome(file: number, size: number): number {
  try {
    return writeSync(file, Buffer.alloc(size))
  } catch {
    return 0
  }
}

/** Resolves when the system calls of the process fail. */
async function inject(pid: number, injection: string): Promise<ChildProcess> {
  const calls = injection.split(':', 1)[0]!
  const args = ['-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${injection}`, '-p', String(pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(strace.stderr, 'data')
  await delay(300)
  return strace
}

async function stop(strace: ChildProcess): Promise<void> {
  const ended = once(strace, 'close')
  strace.kill('SIGINT')
  await ended
}
