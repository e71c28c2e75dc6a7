// A consumer that is killed, whatever it does at that moment: nothing is lost, and the others never notice.
import { consume, type Consumer } from '@careseal/client'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'

const CHILD = join(import.meta.dirname, 'consumer.child.ts')
let world: ConsumingWorld
let consent: TestProducer
let children: ChildProcess[] = []
let running: Consumer[] = []

beforeEach(async () => {
  world = new ConsumingWorld([
    { name: 'billing', types: ['ConsentGranted'] },
    { name: 'research', types: ['ConsentGranted'] },
  ])
  await world.start()
  consent = new TestProducer('consent')
  world.answer(consent)
  children = []
  running = []
})

afterEach(async () => {
  await Promise.all(children.map(kill))
  await Promise.all(running.map((consumer) => consumer.stop()))
  await world.stop()
})

function start(way: 'works' | 'blocks', blocksMs = 60_000): ChildProcess {
  const { url, seedFile } = world.broker('billing')
  const child = spawn(process.execPath, [CHILD, url, seedFile, world.folder, way, String(blocksMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const seen = () => {
  const file = join(world.folder, 'seen')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(Number) : []
}
const until = (check: () => void) => vi.waitFor(check, { timeout: 25_000, interval: 50 })
const events = (count: number) => consent.add(Array.from({ length: count }, () => 'ConsentGranted' as const))
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1)

describe('a consumer that is killed', () => {
  it('again and again in its work has seen every event in the end', async () => {
    await world.publish(consent, events(120))
    for (let round = 0; round < 4; round++) {
      const before = seen().length
      const child = start('works')
      await until(() => expect(seen().length).toBeGreaterThan(before + 8))
      await kill(child)
    }
    start('works')
    await until(() => expect([...new Set(seen())].toSorted((a, b) => a - b)).toEqual(upTo(120)))
  }, 90_000)

  it('while it blocks goes on at the event that blocked it, and kept no other consumer waiting', async () => {
    const others: number[] = []
    const research = await consume({
      nats: world.broker('research'),
      durable: 'research',
      types: ['ConsentGranted'],
      onEvent: (_event, { seq }) => void others.push(seq),
    })
    running.push(research)
    const stuck = start('blocks')
    await world.publish(consent, events(6))
    await until(() => expect(seen()).toEqual([1, 2, 3]))
    await until(() => expect(others).toEqual(upTo(6)))
    await kill(stuck)
    start('works')
    await until(() => expect([...new Set(seen())]).toEqual(upTo(6)))
    expect(seen().filter((seq) => seq === 3)).toHaveLength(2)
  }, 60_000)

  it('not at all, but blocks for longer than the broker waits, handles nothing twice that it had settled', async () => {
    await world.waitForAcknowledgements('billing', 1000)
    start('blocks', 3500)
    await world.publish(consent, events(6))
    await until(() => expect(seen()).toEqual(upTo(6)))
    await vi.waitFor(async () => expect(await world.outstanding('billing')).toEqual([0, 0]), 15_000)
    expect(seen()).toEqual(upTo(6))
  }, 60_000)
})
