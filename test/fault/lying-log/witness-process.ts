// The witness program as somebody else runs it: one configuration file, one command, a process of its own.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const PROGRAM = join(import.meta.dirname, '..', '..', '..', 'apps', 'witness', 'dist', 'main.js')

export type WitnessedLog = { origin: string; vkeys: string[] }

export class WitnessProcess {
  private constructor(
    readonly url: string,
    readonly vkey: string,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(logs: readonly WitnessedLog[]): Promise<WitnessProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'careseal-witness-'))
    const config = join(folder, 'witness.json')
    const name = 'witness.example.org/lies'
    const content = { name, keyFiles: ['key'], stateDir: 'state', listen: { host: '127.0.0.1', port: 0 }, logs }
    writeFileSync(config, JSON.stringify(content))
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'init', '--config', config])
    const { vkeys } = JSON.parse(stdout) as { vkeys: string[] }
    const child = spawn(process.execPath, [PROGRAM, 'run', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return new WitnessProcess(await urlOf(child), vkeys[0] as string, folder, child)
  }

  addCheckpoint(body: string): Promise<Response> {
    return fetch(`${this.url}/add-checkpoint`, { method: 'POST', body })
  }

  /** The files of evidence that it shows against a log. */
  async evidence(origin: string): Promise<string[]> {
    const listed = (await (await fetch(`${this.url}/evidence`)).json()) as {
      evidence: { id: string; origin: string }[]
    }
    const against = listed.evidence.filter((one) => one.origin === origin)
    return Promise.all(against.map(async ({ id }) => (await fetch(`${this.url}/evidence/${id}`)).text()))
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    await ended
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function urlOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url !== undefined) return url
  }
  throw new Error('the witness ended before it answered')
}
