// Commands around outside consumers that are cut off in the middle, or meet each other, at a broker of their own.
import { ensureStreams, renderAuthorization, connectNats, type NatsConnection } from '@careseal/messaging'
import {
  consumersOf,
  freePort,
  natsSeedFileOf,
  openDataDir,
  publicNkeyOf,
  startNats,
  writeConsumers,
  type DataDir,
  type RunningNats,
} from '@careseal/stack'
import { eventually } from '@careseal/testing'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../src/folder-lock.js'
import { startCareseal } from './started-careseal.js'

const SUBJECT = '00000000-0000-4000-8000-0000000000aa'
const folder = mkdtempSync(join(tmpdir(), 'careseal-outside-'))
const types = ['--types', 'ConsentGranted']
let dataDir: DataDir
let nats: RunningNats
let identity: NatsConnection

beforeAll(async () => {
  dataDir = openDataDir(folder)
  const users = ['deployer', 'identity'].map((name) => ({ name, publicNkey: publicNkeyOf(dataDir, name) }))
  nats = await startNats({
    config: renderAuthorization(users, { manageStreams: true }),
    dataDir: dataDir.path('nats'),
  })
  identity = await connectNats({ url: nats.url, name: 'identity', seedFile: natsSeedFileOf(dataDir, 'identity') })
  await ensureStreams(identity, true)
})
beforeEach(() => {
  brokerAt(nats.url)
  writeConsumers(dataDir, [])
})
afterAll(async () => {
  await identity?.close()
  await nats?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const brokerAt = (url: string) => dataDir.writeJson('state.json', { v: 1, pid: process.pid, nats: url })
const careseal = (...args: string[]) => startCareseal([...args, '--data-dir', folder])
const seedFile = (name: string) => dataDir.path('secrets', `nats-${name}.nk`)
const listed = () => consumersOf(dataDir).map(({ name }) => name)

describe('consumer remove', () => {
  it('that was cut off goes on when it is repeated, and has taken the seed away by then', async () => {
    expect(await careseal('consumer', 'add', 'billing', ...types).ended).toMatchObject({ code: 0 })
    brokerAt(`nats://127.0.0.1:${await freePort()}`)
    const { child, ended } = careseal('consumer', 'remove', 'billing')
    await eventually(() => expect(listed()).toEqual([]), { withinMs: 30_000 })
    await eventually(() => expect(existsSync(seedFile('billing'))).toBe(false), { withinMs: 5_000 })
    child.kill('SIGINT')
    await ended
    brokerAt(nats.url)
    expect(await careseal('consumer', 'remove', 'billing').ended).toMatchObject({ code: 0 })
    const { code, stderr } = await careseal('consumer', 'remove', 'billing').ended
    expect([code, stderr]).toEqual([2, expect.stringContaining('there is no consumer billing')])
  })
})

describe('consumer add', () => {
  it('makes a new seed for a name that is not in the list, and keeps that of one that is', async () => {
    const old = readFileSync(natsSeedFileOf(dataDir, 'registry'), 'utf8')
    await careseal('consumer', 'add', 'registry', ...types).ended
    const made = readFileSync(seedFile('registry'), 'utf8')
    expect(made).not.toBe(old)
    await careseal('consumer', 'add', 'registry', ...types).ended
    expect(readFileSync(seedFile('registry'), 'utf8')).toBe(made)
  })

  it('waits for another command that changes the list, and says so', async () => {
    const lock = dataDir.path('consumers.json.lock')
    const { added } = await withLock(lock, { what: 'changing it', waitMs: 0 }, async () => {
      const command = careseal('consumer', 'add', 'research', ...types)
      await eventually(() => expect(command.told.stderr).toContain(`process ${process.pid} is`), { withinMs: 30_000 })
      expect(listed()).toEqual([])
      return { added: command.ended }
    })
    expect(await added).toMatchObject({ code: 0 })
    expect(listed()).toEqual(['research'])
  })
})

describe('keys destroy', () => {
  it('that is cut off while a service is silent leaves the erasure written down', async () => {
    const grant = {
      name: 'registry',
      types: ['ConsentGranted' as const],
      publicNkey: publicNkeyOf(dataDir, 'registry'),
    }
    writeConsumers(dataDir, [{ ...grant, recipient: true }])
    let asked = 0
    const silent = identity.subscribe('cmd.identity.destroy-subject-keys', { callback: () => void asked++ })
    await identity.flush()
    const { child, ended } = careseal('keys', 'destroy', `Patient/${SUBJECT}`, '--yes')
    await eventually(() => expect(asked).toBeGreaterThan(0), { withinMs: 30_000 })
    child.kill('SIGINT')
    await ended
    silent.unsubscribe()
    const { stdout } = await careseal('consumer', 'list').ended
    expect(stdout).toContain('1 erasures NOT acknowledged')
  })
})
