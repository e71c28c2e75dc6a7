// A witness as its operator runs it: a process of its own, with one configuration file in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js')

export type Ended = { code: number | null; stdout: string; stderr: string }
export type Reply = { status: number; type: string; body: string; headers: Headers }

export const NAME = 'witness.example.org/w1'

export class WitnessUnderTest {
  readonly folder: string
  url = ''
  lines: Record<string, unknown>[] = []
  private child: ChildProcess | undefined

  /** `stateDir` counts from the folder. */
  constructor(
    private readonly config: object,
    { folder = mkdtempSync(join(tmpdir(), 'careseal-witness-')) } = {},
  ) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    this.configure({})
  }

  get pid(): number {
    return this.child!.pid!
  }

  get stateDir(): string {
    return join(this.folder, 'state')
  }

  configure(more: object): void {
    const listen = { port: 0 }
    const config = { name: NAME, keyFiles: ['witness.key'], stateDir: 'state', listen, ...this.config, ...more }
    writeFileSync(this.configFile, JSON.stringify(config))
  }

  get configFile(): string {
    return join(this.folder, 'witness.json')
  }

  async init(): Promise<string[]> {
    const { code, stdout, stderr } = await run(['init', '--config', this.configFile])
    if (code !== 0) throw new Error(stderr)
    return (JSON.parse(stdout) as { vkeys: string[] }).vkeys
  }

  /** Resolves once it answers; rejects with what it said when it ends instead. */
  async start(env: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, [MAIN, 'run', '--config', this.configFile], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child = child
    this.lines = []
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    await new Promise<void>((resolve, reject) => {
      child.once('close', () => reject(new Error(stderr)))
      onLines(child, (line) => {
        this.lines.push(line)
        if (typeof line['url'] !== 'string') return
        this.url = line['url']
        resolve()
      })
    })
  }

  /** Ends it with a signal and resolves to its exit code; null when it was killed. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { child } = this
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    child.kill(signal)
    return ended
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async get(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await fetch(`${this.url}${path}`, init)
    const { status, headers } = response
    return { status, headers, type: headers.get('content-type') ?? '', body: await response.text() }
  }

  addCheckpoint(body: string): Promise<Reply> {
    return this.get('/add-checkpoint', { method: 'POST', body })
  }
}

export function run(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...out })))
}

function onLines(child: ChildProcess, take: (line: Record<string, unknown>) => void): void {
  let rest = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) take(JSON.parse(line) as Record<string, unknown>)
  })
}
