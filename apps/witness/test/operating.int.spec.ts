import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { request } from 'node:https'
import { beforeEach, describe, expect, it } from 'vitest'
import { cosignedAt, TestLog } from './test-log.js'
import { NAME, run, WitnessUnderTest } from './witness-under-test.js'

// Generous: processes start slowly where much else runs.
const LONG = { timeout: 120_000 }

const log = new TestLog('ledger.example.org/one')
const logs = [{ origin: log.origin, vkeys: [log.vkey] }]

let witness: WitnessUnderTest
beforeEach(() => {
  witness = new WitnessUnderTest({ logs })
  return () => witness.remove()
})

describe('a witness is begun', LONG, () => {
  it('once: a second time changes nothing, and the key is for its owner alone', async () => {
    const vkeys = await witness.init()
    const key = readFileSync(join(witness.folder, 'witness.key'), 'utf8')
    expect(await witness.init()).toEqual(vkeys)
    expect(readFileSync(join(witness.folder, 'witness.key'), 'utf8')).toBe(key)
    expect(statSync(join(witness.folder, 'witness.key')).mode & 0o777).toBe(0o600)
    expect(statSync(witness.stateDir).mode & 0o777).toBe(0o700)
    expect(vkeys[0]).toMatch(/^witness\.example\.org\/w1\+[0-9a-f]{8}\+B/)
  })

  it.each([
    ['was never begun', null, 'run init first'],
    ['lost its state', 'state', 'run init first'],
    ['lost its key', 'witness.key', 'is missing'],
  ])('not by run: it does not start when it %s', async (_case, lost, message) => {
    if (lost !== null) await witness.init()
    if (lost !== null) rmSync(join(witness.folder, lost), { recursive: true })
    await expect(witness.start()).rejects.toThrow(message)
  })

  it('not anew: a key whose state is gone is not given another', async () => {
    await witness.init()
    rmSync(witness.stateDir, { recursive: true })
    await expect(witness.init()).rejects.toThrow('restore the folder')
  })

  it('not anew for a log whose memory is gone, or was changed', async () => {
    await witness.init()
    await witness.start()
    await witness.addCheckpoint(await log.request({ size: 9 }))
    await witness.end()
    const file = execFileSync('find', [join(witness.stateDir, 'logs'), '-name', '*.json'], { encoding: 'utf8' }).trim()
    const memory = readFileSync(file, 'utf8')
    writeFileSync(file, memory.replace('"size":9', '"size":3'))
    await expect(witness.start()).rejects.toThrow('cannot be read')
    rmSync(file)
    await expect(witness.start()).rejects.toThrow('never make a new one')
    writeFileSync(file, memory)
    await witness.start()
    expect(await witness.addCheckpoint(await log.request({ size: 12 }))).toMatchObject({ status: 409, body: '9\n' })
  })
})

describe('a witness is run', LONG, () => {
  it('by one process at a time', async () => {
    await witness.init()
    await witness.start()
    const second = await run(['run', '--config', witness.configFile])
    expect(second).toMatchObject({ code: 1 })
    expect(second.stderr).toContain('another process is at work')
    await witness.end('SIGKILL')
    await witness.start()
  })

  it('and told all that is wrong with its configuration at once, with exit code 78', async () => {
    witness.configure({ name: 'two words', listen: { port: 99_999 }, logs: [{ origin: 'a b', vkeys: ['x'] }], more: 1 })
    const { code, stderr } = await run(['run', '--config', witness.configFile])
    expect(code).toBe(78)
    for (const member of ['name', 'listen.port', 'logs.0.origin', 'logs.0.vkeys.0', 'more'])
      expect(stderr).toContain(member)
    expect(await run(['run', '--config', '/nowhere.json'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('ENOENT'),
    })
  })

  it.each([[[]], [['run']], [['walk', '--config', 'x']], [['run', '--port', '1']]])(
    'and says how, for %j',
    async (args) => {
      expect(await run(args)).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage: witness init|run') })
    },
  )

  it('with an old and a new key while its key is rotated, and both co-sign', async () => {
    const [old] = await witness.init()
    witness.configure({ keyFiles: ['witness.key', 'next.key'] })
    const vkeys = await witness.init()
    expect(vkeys).toEqual([old, expect.stringMatching(/^witness\.example\.org/)])
    await witness.start()
    const { body } = await witness.addCheckpoint(await log.request({ size: 9 }))
    expect(body.split('\n').filter((line) => line.startsWith(`— ${NAME} `))).toHaveLength(2)
    expect(await cosignedAt((await log.checkpoint({ size: 9 })) + body, vkeys)).toHaveLength(2)
  })

  it('with a log added, which begins at nothing, and one taken away, which is forgotten by nobody', async () => {
    const second = new TestLog('ledger.example.org/second', 2)
    await witness.init()
    await witness.start()
    await witness.addCheckpoint(await log.request({ size: 9 }))
    await witness.end()
    witness.configure({ logs: [{ origin: second.origin, vkeys: [second.vkey] }] })
    await witness.start()
    expect(await witness.addCheckpoint(await log.request({ from: 9, size: 12 }))).toMatchObject({ status: 404 })
    expect(await witness.addCheckpoint(await second.request({ size: 3 }))).toMatchObject({ status: 200 })
    await witness.end()
    witness.configure({ logs: [...logs, { origin: second.origin, vkeys: [second.vkey] }] })
    await witness.start()
    expect(await witness.addCheckpoint(await log.request({ size: 12 }))).toMatchObject({ status: 409, body: '9\n' })
  })

  it('over TLS, with a key and a certificate of its configuration', async () => {
    const [keyFile, certFile] = ['tls.key', 'tls.crt'].map((name) => join(witness.folder, name)) as [string, string]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-keyout', keyFile, '-out', certFile]
    execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' })
    witness.configure({ listen: { port: 0, tls: { keyFile: 'tls.key', certFile: 'tls.crt' } } })
    await witness.init()
    await witness.start()
    expect(witness.url).toMatch(/^https:/)
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${witness.url}/livez`, { ca: readFileSync(certFile) }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      asked.on('error', reject).end()
    })
    expect(status).toBe(200)
  })
})
