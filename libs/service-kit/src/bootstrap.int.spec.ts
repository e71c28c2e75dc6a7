// The life of a real process: wrong environment, drain under load, deadline, unknown state. Needs the build.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('../dist/testing/tiny-service.js', import.meta.url))
const started: ChildProcess[] = []

function run(environment: Record<string, string>) {
  const child = spawn(process.execPath, [program], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, output, ended }
}

async function service(environment: Record<string, string> = {}) {
  const running = run({ PORT: '0', METRICS_PORT: '0', NODE_ENV: 'test', ...environment })
  await expect.poll(() => running.output.stdout, { timeout: 15_000 }).toContain('"msg":"ready"')
  const line = running.output.stdout.split('\n').find((each) => each.includes('"msg":"ready"'))!
  return { ...running, origin: `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}` }
}

describe('the process of a service', () => {
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL')
  })

  it('ends with 78 and names every variable that is wrong, what is wrong with it and its mend', async () => {
    const { output, ended } = run({ PORT: '99999', LOG_LEVEL: 'canary-value' })
    expect(await ended).toBe(78)
    expect(output.stdout).toBe('')
    expect(output.stderr).toMatch(/tiny: the configuration has 3 fault\(s\):/)
    expect(output.stderr).toMatch(/ {2}PORT: .+\. Mend: set it to the port for HTTP/)
    expect(output.stderr).toMatch(/ {2}METRICS_PORT: is not set\. Mend: set it to the port for GET \/metrics/)
    expect(output.stderr).toMatch(/ {2}LOG_LEVEL: .+\. Mend: set it to fatal, error/)
    expect(output.stderr).not.toContain('canary')
  })

  it('drains at SIGTERM under load: unready first, nothing in flight fails, exit 0', async () => {
    const { child, origin, output, ended } = await service({ DRAIN_DELAY_MS: '400' })
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const statuses: (number | string)[] = []
    const signal = { isGiven: false }
    const load = Array.from({ length: 8 }, async (_none, n) => {
      // A client goes on over its kept connection until the service closes it; only then it would go elsewhere.
      for (let isOpen = true; isOpen;) {
        const answer = await fetchOver(agent, `${origin}/try/${n % 2 ? 'slow' : 'quick'}`)
        isOpen = !(signal.isGiven && answer.connection === 'close')
        statuses.push(answer.status)
      }
    })
    await expect.poll(() => statuses.length).toBeGreaterThan(50)
    signal.isGiven = true
    child.kill('SIGTERM')
    await expect.poll(async () => (await fetch(`${origin}/readyz`)).status, { interval: 20 }).toBe(503)
    await Promise.all(load)
    expect(await ended, output.stdout.slice(-500)).toBe(0)
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  it('gives up at the deadline of the drain with 1', async () => {
    const { child, origin, output, ended } = await service({ DRAIN_DELAY_MS: '0', DRAIN_DEADLINE_MS: '300' })
    const hanging = fetch(`${origin}/try/hang`).catch((error: Error) => error)
    await new Promise((resolve) => setTimeout(resolve, 100))
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    expect(output.stdout).toContain('the drain took too long')
    expect(await hanging).toBeInstanceOf(Error)
  })

  it('ends with 1 when a rejection goes unhandled, for its state is unknown', async () => {
    const { origin, output, ended } = await service()
    await fetch(`${origin}/try/reject`).catch(() => {})
    expect(await ended).toBe(1)
    expect(output.stdout).toContain('"level":"fatal"')
    expect(output.stdout).toContain('unhandled rejection')
  })
})

function fetchOver(agent: Agent, url: string): Promise<{ status: number | string; connection: string | undefined }> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode!, connection: response.headers.connection }))
    })
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: error.code ?? 'error', connection: 'close' }),
    )
  })
}
