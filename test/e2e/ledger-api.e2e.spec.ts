// The ledger as its clients meet it at the one origin: read, followed, copied and verified, while it grows.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { parseCheckpoint, parseNote } from '@careseal/ledger-core'
import { leafHash, merkleRoot } from '@careseal/merkle'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callersOf, observationOf, type Callers } from '../support/callers.js'
import { careseal, caresealOk, REPOSITORY, temporaryFolder, upDetached, type Ended } from '../support/careseal.js'

type Block = { height: number; hash: string; treeSize: number; header: string }
type Told = { event: string; id: string; data: Block & { size?: number; note?: string } }

const folder = temporaryFolder()
let ledger: Awaited<ReturnType<typeof upDetached>>
let callers: Callers
/** The policy of the ledger's own witnesses, or one of its key alone where none co-sign. */
let policy: string

beforeAll(async () => {
  ledger = await upDetached()
  callers = await callersOf(ledger)
  policy = await policyFile()
})
afterAll(async () => {
  await ledger?.down()
  folder.remove()
})

async function policyFile(): Promise<string> {
  const ofWitnesses = join(ledger.dataDir, 'policy.txt')
  if (existsSync(ofWitnesses)) return ofWitnesses
  const file = join(folder.path, 'policy.txt')
  writeFileSync(file, `log ${(await text('/ledger/vkey')).trim()}\nquorum none\n`)
  return file
}

const text = async (path: string) => (await fetch(ledger.origin + path)).text()
const json = async <T>(path: string) => JSON.parse(await text(path)) as T
const published = async () => (await json<{ publishedSize: number }>('/ledger/status')).publishedSize
const told = <T>({ stdout }: Ended) => JSON.parse(stdout) as T
const own = (...args: string[]) => careseal([...args, '--data-dir', ledger.dataDir])

/** Stores a new Observation, which the ledger then grows by. */
async function grow(): Promise<void> {
  const patient = String(callers.claims('patient-1').careseal.patientId)
  expect((await callers.post('hospital', '/fhir/Observation', observationOf(patient))).status).toBe(201)
}

async function entriesUpTo(size: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  while (entries.length < size) {
    const path = `/ledger/entries?from=${entries.length}&limit=${Math.min(1000, size - entries.length)}`
    const page = await json<{ entries: { bytes: string }[] }>(path)
    entries.push(...page.entries.map(({ bytes }) => Buffer.from(bytes, 'base64')))
  }
  return entries
}

/** Events of the feed through the gateway, until `enough`; `onOpen` runs once the stream has begun. */
async function listen(path: string, enough: (told: Told[]) => boolean, onOpen: () => Promise<void> = async () => {}) {
  const leave = new AbortController()
  const [, id] = path.split('#')
  const headers = id === undefined ? {} : { 'last-event-id': id }
  const response = await fetch(ledger.origin + path.split('#')[0], { headers, signal: leave.signal })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  const events: Told[] = []
  const opened = onOpen()
  let rest = ''
  for await (const chunk of response.body!) {
    const pieces = (rest + Buffer.from(chunk).toString()).split('\n\n')
    rest = pieces.pop()!
    for (const piece of pieces.filter((one) => one.startsWith('event: '))) {
      const [event, id, data] = piece.split('\n').map((line) => line.slice(line.indexOf(': ') + 2))
      events.push({ event: event!, id: id!, data: JSON.parse(data!) as Told['data'] })
    }
    if (enough(events)) break
  }
  leave.abort()
  await opened
  return events
}

describe('the feed', () => {
  it('tells of a new record’s block and of the checkpoint over it, as they come', async () => {
    const { height } = await json<{ height: number }>('/ledger/status')
    const events = await listen(
      '/ledger/feed',
      (all) => all.some(({ event }, i) => event === 'checkpoint' && all[i - 1]?.event === 'block'),
      grow,
    )
    const first = events.find(({ event }) => event === 'block')!.data
    expect(first.height).toBeGreaterThan(height)
    const { size, note } = events.findLast(({ event }) => event === 'checkpoint')!.data
    expect(parseCheckpoint(parseNote(note!).text).size).toBe(size)
    expect(size).toBeGreaterThanOrEqual(first.treeSize)
  })

  it('goes on where a client was cut off, and is the chain that anybody can read', async () => {
    const some = await listen('/ledger/feed?from=0&count=3', (all) => all.length === 3)
    const rest = await listen(`/ledger/feed?from=0#${some.at(-1)!.id}`, (all) => all.at(-1)?.event === 'checkpoint')
    const blocks = [...some, ...rest].filter(({ event }) => event === 'block').map(({ data }) => data)
    expect(blocks.map(({ height }) => height)).toEqual(blocks.map((_, i) => i))
    for (const [i, block] of blocks.slice(1).entries()) {
      const { prevHash } = (
        JSON.parse(Buffer.from(block.header, 'base64').toString()) as { block: Block & { prevHash: string } }
      ).block
      expect(prevHash).toBe(blocks[i]!.hash)
    }
  })
})

describe('what rules the ledger', () => {
  it('stands in entries that anybody finds in the tree', async () => {
    const { entries } = await json<{ entries: { index: number; type: string; bytes: string }[] }>('/ledger/governance')
    expect(entries[0]).toMatchObject({ index: 0, type: 'genesis' })
    const { leafHash: told } = await json<{ leafHash: string }>('/ledger/entries/0')
    expect(Buffer.from(leafHash(sha256, Buffer.from(entries[0]!.bytes, 'base64'))).toString('hex')).toBe(told)
    const { keys } = await json<{ keys: { owner: string; vkey: string; untilSize: null }[] }>('/ledger/keys')
    expect(keys.filter(({ owner }) => owner === 'log').map(({ vkey }) => vkey)).toEqual([
      (await text('/ledger/vkey')).trim(),
    ])
  })

  it('is described as the generated document has it', async () => {
    const generated = readFileSync(join(REPOSITORY, 'docs', 'generated', 'ledger-openapi.json'), 'utf8')
    expect(await json('/ledger/openapi.json')).toEqual(JSON.parse(generated))
  })
})

describe('a page of another origin', () => {
  it('may read all of it, tiles with their gzip too', async () => {
    for (const path of [
      '/ledger/checkpoint',
      '/ledger/tile/entries/000.p/2',
      '/ledger/governance',
      '/ledger/tile/64/0',
    ]) {
      const answer = await fetch(ledger.origin + path, { headers: { origin: 'https://elsewhere.example' } })
      expect([path, answer.headers.get('access-control-allow-origin')]).toEqual([path, '*'])
    }
    const bundle = await fetch(`${ledger.origin}/ledger/tile/entries/000.p/2`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(bundle.headers.get('content-encoding')).toBe('gzip')
    expect(bundle.headers.get('cache-control')).toContain('immutable')
  })
})

describe('public tools', () => {
  it('verify the checkpoint as the README says', async () => {
    const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8')
    const [, commands = ''] = /## Verify with public tools\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme) ?? []
    const script = commands.replaceAll('http://localhost:8080', ledger.origin)
    expect(execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder.path, encoding: 'utf8' })).toContain(
      'Signature Verified Successfully',
    )
  })
})

describe('a verifier', () => {
  it('verifies under the policy, remembers, and sees the ledger grow', async () => {
    const first = await own('verify', '--policy', policy, '--json')
    expect([first.code, told(first)]).toMatchObject([0, { ok: true, since: 'first-visit' }])
    const size = await published()
    await grow()
    await expect.poll(published, { timeout: 30_000 }).toBeGreaterThan(size)
    expect(told(await own('verify', '--policy', policy, '--json'))).toMatchObject({ ok: true, since: 'grown' })
  })

  it('copies the ledger, takes the copy elsewhere, and finds the same roots in both', async () => {
    const [mirror, elsewhere] = [join(folder.path, 'mirror'), join(folder.path, 'elsewhere')]
    await caresealOk(['ledger', 'export', mirror, '--data-dir', ledger.dataDir, '--policy', policy])
    await caresealOk(['ledger', 'import', `${ledger.origin}/ledger`, elsewhere, '--policy', policy])
    const { size, root } = parseCheckpoint(parseNote(readFileSync(join(mirror, 'checkpoint'), 'utf8')).text)
    expect(
      merkleRoot(
        sha256,
        (await entriesUpTo(size)).map((bytes) => leafHash(sha256, bytes)),
      ),
    ).toEqual(root)
    const checked = await careseal(['verify', '--export', elsewhere, '--policy', policy, '--no-memory', '--json'])
    expect([checked.code, told(checked)]).toMatchObject([0, { ok: true }])
  })

  it('believes a receipt by its own policy, and says when it has none', async () => {
    const patient = String(callers.claims('patient-1').careseal.patientId)
    const { body } = await callers.post('hospital', '/fhir/Observation', observationOf(patient))
    const place = `Observation/${body.id}/_history/${body.meta.versionId}`
    const file = join(folder.path, 'receipt.json')
    writeFileSync(file, await caresealOk(['receipt', 'get', place, '--as', 'patient-1', '--data-dir', ledger.dataDir]))
    const withoutPolicy = await careseal(['receipt', 'verify', file])
    expect([withoutPolicy.code, withoutPolicy.stdout]).toEqual([1, expect.stringContaining('unverified policy')])
    const verified = await careseal(['receipt', 'verify', file, '--policy', policy])
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/^verified: RecordVersionAdded/)])
  })
})
