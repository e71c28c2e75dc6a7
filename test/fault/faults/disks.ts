// A disk that refuses: the signer must not sign what it could not keep, and Postgres must not acknowledge it.
import type { SeededRandom } from '@careseal/synthetic'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { Bed, Fault } from './fault.js'
import { expectSignerCovers } from './ledger-state.js'
import { childrenOf } from './processes.js'

/** Each is a step of replacing the signer's state: see durable-file.ts. `?` names what not every machine has. */
const SIGNER_STEPS = ['fsync', '?rename,?renameat,renameat2', 'fsync:when=2+2', 'fsync:when=1+2'] as const

export const DISK_FAULTS: Fault[] = [
  { kind: 'signer-eio', target: 'all', strike: signerEio },
  { kind: 'signer-full', target: 'all', strike: signerFull },
  {
    kind: 'postgres-eio',
    target: 'all',
    strike: (bed, random) => postgresFails(bed, random, 'fsync,fdatasync:error=EIO'),
  },
  {
    kind: 'postgres-full',
    target: 'all',
    strike: (bed, random) => postgresFails(bed, random, 'pwrite64,?pwritev,?pwritev2,fallocate:error=ENOSPC'),
  },
]

async function signerEio(bed: Bed, random: SeededRandom): Promise<void> {
  const [calls, when] = random.pick(SIGNER_STEPS).split(':')
  const { pid } = bed.stack.services['ledger-sequencer']
  const injection = `${calls}:error=EIO${when ? `:${when}` : ''}`
  await inject([pid], injection, async () => {
    await delay(random.integer(800, 2500))
    await expectSignerCovers(bed, injection)
  })
  await expectSignerCovers(bed, injection)
}

async function signerFull(bed: Bed, random: SeededRandom): Promise<void> {
  const { signerDisk } = bed
  if (!signerDisk) throw new Error("a full disk of the signer needs the signer's folder on a disk of its own")
  signerDisk.fill()
  try {
    await delay(random.integer(800, 2500))
    await expectSignerCovers(bed, 'full disk')
  } finally {
    signerDisk.empty()
  }
  await expectSignerCovers(bed, 'full disk')
}

async function postgresFails(bed: Bed, random: SeededRandom, injection: string): Promise<void> {
  const { pid } = bed.stack.postgres
  await inject([pid, ...childrenOf(pid)], injection, () => delay(random.integer(300, 1500)))
  await endStuckRecovery(bed)
}

const LOOK_MS = 500
const LOOKS = 6

// Postgres 18.4 stays in recovery for good, without the process that recovers, when its disk fails within the recovery.
// Whoever runs it has to end it then (docs/operations/postgres-stays-in-recovery.md), and so do we.
async function endStuckRecovery({ stack }: Bed): Promise<void> {
  for (let looks = 0; await isInRecovery(stack.state().postgres); await delay(LOOK_MS)) {
    looks = childrenOf(stack.postgres.pid).some(recovers) ? 0 : looks + 1
    if (looks === LOOKS) return stack.postgres.kill()
  }
}

async function isInRecovery(url: string): Promise<boolean> {
  const client = new Client(url)
  client.on('error', () => {})
  try {
    await client.connect()
    return false
  } catch (error) {
    return (error as Error).message.includes('in recovery mode')
  } finally {
    await client.end().catch(() => {})
  }
}

function recovers(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres: startup')
  } catch {
    return false
  }
}

/** System calls of these processes, and of what they start, fail while `work` lasts. */
async function inject(pids: readonly number[], injection: string, work: () => Promise<unknown>): Promise<void> {
  const calls = injection.split(':', 1)[0]!
  const traced = pids.flatMap((pid) => ['-p', String(pid)])
  const args = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${injection}`, ...traced]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(strace, 'close')
  try {
    await work()
  } finally {
    strace.kill('SIGINT')
    await ended
  }
}
