// A service of somebody else, from its registration to its removal, on a running ledger.
import { consume, type Consumer } from '@careseal/client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { careseal, caresealOk, UP_DEADLINE_MS, upDetached, type Detached } from '../support/careseal.js'

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

  it('reads nothing any more once it is removed', async () => {
    await caresealOk(at('consumer', 'remove', 'billing'))
    expect(await caresealOk(at('consumer', 'list'))).toContain('no consumers')
    const again = () =>
      consume({
        nats: { url: billing.nats, seedFile: billing.seedFile },
        durable: 'billing',
        types: ['PatientAccountOpened'],
        onEvent: () => undefined,
      })
    await expect(again()).rejects.toThrow(/authorization|seed|ENOENT|no such file/i)
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
