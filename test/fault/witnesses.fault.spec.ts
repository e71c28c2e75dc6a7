// Three witness processes under faults, below a whole ledger that goes on being written: killed, stopped, restored
// to an old state, asked what they have seen of a ledger that was put back. What is published always bears the
// quorum; nothing stops the ledger, and all of it is co-signed once the faults are over.
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { verifyEd25519 } from '@careseal/cosigner'
import { parsePolicy, verifyCheckpoint, type Policy, type TrustedCheckpoint } from '@careseal/ledger-core'
import { createSystemLogins, type CaresealStack, type ControlledWitness } from '@careseal/stack'
import { patientBundle } from '@careseal/synthetic'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { caresealOk, temporaryFolder } from '../support/careseal.js'
import { answerOf } from '../support/fhir.js'
import { untilSealed } from './check/until-sealed.js'
import { SchemaCopy, withRoleLockedOut } from './surroundings/schema-copy.js'
import { startNativeStack } from './surroundings/native-stack.js'

type Status = { state: string; treeSize: number; signedSize: number; publishedSize: number; waitingFor?: string[] }

const folder = temporaryFolder()
let stack: CaresealStack
let policy: Policy
let bundles = 0

beforeAll(async () => {
  stack = await startNativeStack(folder.path, {
    witnesses: 3,
    restartDelayMsMax: 500,
    // A witness that was away is asked again at the next checkpoint, and without growth that is the idle one.
    env: { CHECKPOINT_IDLE_MS: '2000' },
  })
  await createSystemLogins(stack)
  policy = parsePolicy(sha256, readFileSync(stack.state().policyFile as string, 'utf8'))
}, 600_000)
afterAll(async () => {
  await stack?.stop()
  folder.remove()
})

/** More to seal: the bundle of a patient who is made up. */
async function write(): Promise<void> {
  const token = await stack.tokenFor('hospital')
  const body = patientBundle({ seed: 'witnesses', index: bundles++, years: 1 })
  const { status } = await answerOf(`${stack.origin}/fhir`, { method: 'POST', token, body })
  expect(status).toBe(200)
}

async function status(): Promise<Status> {
  return (await (await fetch(`${stack.origin}/ledger/status`)).json()) as Status
}

/** What is published, which the policy's quorum must have co-signed. */
async function published(): Promise<TrustedCheckpoint> {
  const note = await (await fetch(`${stack.origin}/ledger/checkpoint`)).text()
  return verifyCheckpoint(note, { policy }, { sha256, verifyEd25519 })
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it did not happen: ${JSON.stringify(await status())}`)
    await delay(100)
  }
}

/** All that is committed is published; by these witnesses at least, when they are named. */
async function isCosigned(...witnesses: string[]): Promise<boolean> {
  const { size, cosignatures } = await published()
  const names = cosignatures.map(({ witness }) => witness)
  return size === (await status()).treeSize && witnesses.every((name) => names.includes(name))
}

/** Nothing waits in any outbox, as it does for a moment after its request was answered, and all witnesses have all. */
async function untilAtRest(): Promise<void> {
  await untilSealed(stack.state().postgres, { withinMs: 60_000 })
  await eventually(() => isCosigned('witness-1', 'witness-2', 'witness-3'))
}

const [first, second, third] = [0, 1, 2].map((place) => () => stack.witnesses[place] as ControlledWitness) as [
  () => ControlledWitness,
  () => ControlledWitness,
  () => ControlledWitness,
]

describe('witnesses', () => {
  it('that are killed come back, and miss nothing', async () => {
    for (const witness of stack.witnesses) {
      await Promise.all([witness.kill(), write()])
      await eventually(() => isCosigned())
    }
    await eventually(() => isCosigned('witness-1', 'witness-2', 'witness-3'))
    expect(await status()).toMatchObject({ state: 'confirmed' })
  })

  it('of which one is stopped do not hold up the others', async () => {
    await write()
    process.kill(third().pid, 'SIGSTOP')
    try {
      await write()
      await eventually(() => isCosigned('witness-1', 'witness-2'))
    } finally {
      process.kill(third().pid, 'SIGCONT')
    }
    await write()
    await eventually(() => isCosigned('witness-3'))
    expect(await status()).toMatchObject({ state: 'confirmed' })
  })

  it('of which two are stopped hold up what is published, and nothing else', async () => {
    await untilAtRest()
    const before = await published()
    const pids = [second().pid, third().pid]
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    try {
      await write()
      await eventually(async () => (await status()).signedSize > before.size)
      expect(await status()).toMatchObject({ state: 'confirmed', publishedSize: before.size })
      expect((await published()).size).toBe(before.size)
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }
    await eventually(() => isCosigned('witness-1'))
  })

  it('of which one was restored to an old state learn what they had seen', async () => {
    const copy = join(folder.path, 'old-state')
    const state = join(first().folder, 'state')
    await first().whileStopped(() => cp(state, copy, { recursive: true }))
    await write()
    await eventually(() => isCosigned('witness-1'))
    await first().whileStopped(async () => {
      await rm(state, { recursive: true })
      await cp(copy, state, { recursive: true })
    })
    await write()
    await eventually(() => isCosigned('witness-1'))
    expect(await status()).toMatchObject({ state: 'confirmed' })
  })

  it('are asked again by a sequencer that was killed, before it goes on', async () => {
    process.kill(second().pid, 'SIGSTOP')
    process.kill(third().pid, 'SIGSTOP')
    try {
      await stack.services['ledger-sequencer'].kill()
      await eventually(async () => (await waitingFor()) === 'witness-2, witness-3')
      expect((await fetch(`${stack.services['ledger-sequencer'].url}/readyz`)).status).toBe(503)
    } finally {
      process.kill(second().pid, 'SIGCONT')
      process.kill(third().pid, 'SIGCONT')
    }
    await stack.untilReady()
    await write()
    await eventually(() => isCosigned())
  })

  it('of which none has seen what was signed let it be given up, and the ledger tells of it', async () => {
    await write()
    await untilAtRest()
    const seen = await published()
    await putBackWhatNobodySaw(seen.size)
    await eventually(async () => (await status()).state === 'halted')
    const retreat = ['signer', 'retreat', '--yes', '--json', '--data-dir', folder.path]
    const told = JSON.parse(await caresealOk(retreat)) as { size: number; abandonedSize: number; index: number }
    expect(told).toMatchObject({ size: seen.size, index: seen.size })
    expect(told.abandonedSize).toBeGreaterThan(seen.size)
    await stack.services['ledger-sequencer'].kill()
    await stack.untilReady()
    await write()
    await eventually(() => isCosigned('witness-1', 'witness-2', 'witness-3'))
    const entry = (await (await fetch(`${stack.origin}/ledger/entries/${told.index}`)).json()) as { entry: object }
    expect(entry.entry).toMatchObject({ admin: { type: 'signer-retreat', data: { size: seen.size } } })
    await caresealOk(['verify', '--data-dir', folder.path])
    await caresealOk(['fsck', '--data-dir', folder.path])
  })
})

/** While no witness runs, more than `size` is signed; then the ledger's tables are what they were before. */
async function putBackWhatNobodySaw(size: number): Promise<void> {
  const { postgres } = stack.state()
  const old = await SchemaCopy.take(postgres, 'ledger')
  const restore = () => withRoleLockedOut(postgres, 'ledger', () => old.restore())
  const signUnseen = async () => {
    await write()
    await eventually(async () => (await status()).signedSize > size)
    await stack.services['ledger-sequencer'].whileStopped(restore)
  }
  // What was sent to a witness that only stands still would be seen when it goes on.
  await first().whileStopped(() => second().whileStopped(() => third().whileStopped(signUnseen)))
  await old.drop()
}

/** For whom the sequencer waits; it may be starting just now. */
async function waitingFor(): Promise<string> {
  try {
    return ((await status()).waitingFor ?? []).join(', ')
  } catch {
    return ''
  }
}
