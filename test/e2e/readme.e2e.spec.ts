// The commands of the README and of a first page for consumers, run as they stand there; only the port is the test's.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPOSITORY, upDetached, type Ended } from '../support/careseal.js'

const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8')
let ledger: Awaited<ReturnType<typeof upDetached>>

beforeAll(async () => {
  ledger = await upDetached()
})
afterAll(() => ledger?.down())

function blockAfter(heading: string): string {
  const section = readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const block = /```sh\n([\s\S]*?)```/.exec(section)?.[1]
  if (block === undefined) throw new Error(`the README has no commands under ${heading}`)
  return block.replaceAll('http://localhost:8080', ledger.origin)
}

function bash(script: string): Promise<Ended> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: REPOSITORY,
    env: {
      ...process.env,
      CARESEAL_DATA_DIR: ledger.dataDir,
      DATA_DIR: ledger.dataDir,
      NATS_URL: ledger.nats,
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
}

/** Every command of a page but those that start the ledger. */
function commandsOf(page: string): string {
  const text = readFileSync(join(REPOSITORY, page), 'utf8')
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block as string)
  const commands = blocks.filter((block) => !block.startsWith('npm start'))
  return commands.join('').replaceAll('http://localhost:8080', ledger.origin)
}

describe('consumers in ten minutes', () => {
  it('shows a consumer of somebody else the consent that a patient has just given', async () => {
    const ended = await bash(commandsOf('docs/consumers-in-ten-minutes.md'))
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
    expect(ended.stdout).toMatch(/^\{"producer":"consent","seq":\d+,.*"type":"ConsentGranted"/m)
  }, 240_000)
})

describe('the README', () => {
  it('shows in the first minute what it says', async () => {
    const ended = await bash(blockAfter('The first minute'))
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
    expect(ended.stdout).toContain('"resourceType":"Observation"')
    expect(ended.stdout).toContain('found out: 3')
    expect(ended.stdout).toMatch(/clean\s*$/)
  })

  it('consumes events with the plain client', async () => {
    const ended = await bash(blockAfter('Consume events'))
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const lines = ended.stdout.trim().split('\n')
    expect(lines).toHaveLength(5)
    for (const line of lines) expect(line).toMatch(/^\S+Z (Access|Record|Consent)\w+ \{.*\}$/)
  })
})
